// ‖∇Y − ∇Yg‖², mean over the batch: Σ_yx (D[y+1,x] − D[y,x])² + (D[y,x+1] − D[y,x])², D = Y − Yg, without
// differences across the border. The term is composed of layers and differentiated by the tape.
#include "layers/conv2d.hpp"
#include "layers/crop.hpp"
#include "layers/squared_error.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {
namespace {

class GradientDifference : public LossTerm {
  public:
    TermValue evaluate(const StepImages& images) override {
        require_image_pair(images.output, images.target, "gradient_difference");
        const Shape& s = images.output.shape();
        require(s[1] > 1 || s[2] > 1, "[gradient_difference] expects at least two pixels, got " + s.text());
        return differentiate(images.output, [&](Tape& tape, const Tensor& output) {
            Tape constant = Tape::inference();
            std::vector<WeightedTerm> sum;
            for (const int axis : {1, 2})
                if (s[axis] > 1)  // squared_error is half of ‖·‖²
                    sum.push_back({squared_error(slope(tape, output, axis),
                                                 slope(constant, images.target, axis), Reduction::sum),
                                   2.0});
            return weighted_sum(tape, sum,
                                Tensor::empty({2 * static_cast<std::int64_t>(sum.size()) + 1}, DType::float64,
                                              output.device()));
        });
    }

  private:
    /// Forward differences along an axis: n − 1 differences of n pixels.
    Tensor slope(Tape& tape, const Tensor& image, int axis) {
        Constant& taps = axis == 1 ? down_ : right_;
        return crop(tape, conv2d(tape, image, taps.like(image), no_bias_.like(image)), axis,
                    image.shape()[axis] - 1);
    }

    Constant down_{{1, 3, 1, 1}, {0, -1, 1}}, right_{{1, 1, 3, 1}, {0, -1, 1}}, no_bias_{{1}, {0}};
};

const TermRegistration<GradientDifference> registration{
    "gradient_difference", "‖∇Y − ∇Yg‖², compares the edges of output and target"};

}  // namespace
}  // namespace dnsp
