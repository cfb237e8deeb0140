#include "training/processes.hpp"

#include "base/error.hpp"

namespace dnsp {
namespace {

class OneProcess final : public Processes {
  public:
    int rank() const override { return 0; }
    int count() const override { return 1; }
    void exchange(int, const Tensor&, const Tensor&) override {
        throw Error("[processes] there is no other process");
    }
    void add_up(const Tensor&) override {}
    bool any(bool value) override { return value; }
};

}  // namespace

Processes& one_process() {
    static OneProcess process;
    return process;
}

}  // namespace dnsp
