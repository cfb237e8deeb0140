#include "priors/sharpness.hpp"

#include "priors/filter_bank.hpp"
#include "priors/learned_sharpness.hpp"

namespace dnsp {

PriorTerm sharpness(Tape& tape, const Tensor& output, double laplacian_scale, Border border) {
    const std::vector<double> taps = laplacian(laplacian_scale);
    return dispatch(output.dtype(), [&]<class T>() {
        const Tensor filter =
            Tensor::from<T>({1, 3, 3}, std::vector<T>(taps.begin(), taps.end()), output.device());
        return learned_sharpness(tape, output, filter, border);
    });
}

namespace {

class Sharpness : public Prior {
  public:
    explicit Sharpness(const PriorOptions& options) : options_(options) {}
    PriorTerm evaluate(Tape& tape, const Tensor& output) override {
        return sharpness(tape, output, options_.laplacian_scale, options_.border);
    }

  private:
    PriorOptions options_;
};

const PriorRegistration registration{"sharpness", "V, variance of the Laplacian",
                                     [](PriorContext& c) { return std::make_unique<Sharpness>(c.options); }};

}  // namespace
}  // namespace dnsp
