// (√V(Y) − √V(Yg))², mean over the batch: pulls the sharpness of the output towards the sharpness of the
// target. V is the variance of the response of the Laplacian (sharpness.hpp).
#include "priors/filter_bank.hpp"
#include "priors/learned_sharpness.hpp"
#include "priors/matched.hpp"

namespace dnsp {
namespace {

class MatchedSharpness : public LossTerm {
  public:
    using Options = FilterOptions;
    explicit MatchedSharpness(const Options& options)
        : filter_({1, 3, 3}, laplacian(options.laplacian_scale)), border_(options.border) {}
    TermValue evaluate(const StepImages& images) override {
        require_image_pair(images.output, images.target, "matched_sharpness");
        const Tensor& filter = filter_.like(images.output);
        return matched(learned_sharpness(images.output, filter, border_),
                       learned_sharpness(images.target, filter, border_), Matching::square_root);
    }

  private:
    Constant filter_;
    Border border_;
};

const TermRegistration<MatchedSharpness> registration{"matched_sharpness",
                                                      "(√V(Y) − √V(Yg))², compares the sharpness"};

}  // namespace
}  // namespace dnsp
