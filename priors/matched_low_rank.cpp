// (R_δ(Y) − R_δ(Yg))², mean over the batch: pulls the rank of the output towards the rank of the target.
// R_δ: low_rank.hpp.
#include "priors/low_rank.hpp"
#include "priors/matched.hpp"

namespace dnsp {
namespace {

class MatchedLowRank : public LossTerm {
  public:
    using Options = LowRankOptions;
    explicit MatchedLowRank(const Options& options) : options_(options) {}
    TermValue evaluate(const StepImages& images) override {
        require_image_pair(images.output, images.target, "matched_low_rank");
        return matched(low_rank(images.output, options_.delta, options_.method),
                       low_rank(images.target, options_.delta, options_.method), Matching::value);
    }

  private:
    Options options_;
};

const TermRegistration<MatchedLowRank> registration{"matched_low_rank",
                                                    "(R_δ(Y) − R_δ(Yg))², compares the ranks"};

}  // namespace
}  // namespace dnsp
