// EDSR (Lim et al. 2017) as the paper uses it, Fig. 7, without upsampler, because the input is already
// enlarged: head convolution, `depth` residual blocks, body convolution, addition of the head's output, tail
// convolution. All convolutions are 3×3 with biases. There is no batch normalisation.
//
// With --unshuffle f, a pixel unshuffle before the head and a pixel shuffle after the tail let all
// convolutions compute at 1/f of the resolution, as the original does (docs/design/low_resolution.md).
#include <cmath>
#include <string>
#include <vector>

#include "layers/pixel_shuffle.hpp"
#include "layers/residual_block.hpp"
#include "models/model.hpp"

namespace dnsp {
namespace {

constexpr int paper_depth = 32;
constexpr int paper_width = 256;
constexpr int max_unshuffle = 16;

class Edsr : public Model {
  public:
    struct Options {
        int unshuffle = 1;            ///< the layers compute at 1/unshuffle of the image's resolution
        double residual_scale = 0.1;  ///< of the residual blocks
        void visit(OptionVisitor& v) {
            v.option(
                {.key = "unshuffle",
                 .flag = "--unshuffle",
                 .help = "edsr: compute at 1/N of the enlarged image's resolution, best the scale; 1 to 16",
                 .group = "Network",
                 .range = Range::positive},
                unshuffle);
            v.option(
                {.key = "residual_scale",
                 .flag = "--residual-scale",
                 .help =
                     "edsr: factor of a residual block's branch; Lim et al.: 0.1 for 256 channels, 1 for 64",
                 .group = "Network",
                 .range = Range::positive},
                residual_scale);
        }
    };

    Edsr(const ModelOptions& options, ParameterStore& store)
        : Model(with_defaults(options, paper_depth, paper_width)),
          own_(checked(options_.own.get<Options>())),
          head_(store, "head",
                {.in_channels = block_pixels(),
                 .out_channels = options_.width,
                 .bfloat16_output_allowed = true}),
          blocks_(make_blocks(store)),
          body_(store, "body",
                {.in_channels = options_.width,
                 .out_channels = options_.width,
                 .bfloat16_output_allowed = true}),
          tail_(store, "tail",
                {.in_channels = options_.width,
                 .out_channels = block_pixels(),
                 .start_at_zero = options_.global_skip}) {}

    int pixel_block() const override { return own_.unshuffle; }

    int receptive_radius(int alignment) const override {
        int radius = head_.receptive_radius(alignment) + body_.receptive_radius(alignment) +
                     tail_.receptive_radius(alignment);
        for (const auto& block : blocks_) radius += block.receptive_radius(alignment);
        return radius;
    }

  protected:
    Tensor network(Tape& tape, const Tensor& input) const override {
        const Tensor head = head_(tape, pixel_unshuffle(tape, input, own_.unshuffle));
        Tensor features = head;
        for (const auto& block : blocks_) features = block(tape, features);
        const Tensor output = tail_(tape, body_.add_to(tape, head, 1.0, features));
        return pixel_shuffle(tape, output, own_.unshuffle, input.shape()[1], input.shape()[2]);
    }

  private:
    static Options checked(const Options& options) {
        require(options.unshuffle >= 1 && options.unshuffle <= max_unshuffle,
                "[edsr] unshuffle must be 1 to " + std::to_string(max_unshuffle) + ", got " +
                    std::to_string(options.unshuffle));
        require(std::isfinite(options.residual_scale) && options.residual_scale > 0,
                "[edsr] residual_scale must be positive");
        return options;
    }

    /// Pixels of the image that become one pixel of the layers, each as a channel.
    std::int64_t block_pixels() const { return std::int64_t{own_.unshuffle} * own_.unshuffle; }

    std::vector<ResidualBlock> make_blocks(ParameterStore& store) const {
        std::vector<ResidualBlock> blocks;
        for (int i = 0; i < options_.depth; ++i)
            blocks.emplace_back(store, "blocks." + std::to_string(i), options_.width, own_.residual_scale);
        return blocks;
    }

    Options own_;
    Conv2d head_;
    std::vector<ResidualBlock> blocks_;
    Conv2d body_, tail_;
};

const ModelRegistration<Edsr> registration{"edsr",
                                           "EDSR, --depth residual blocks (32) of --width channels (256)"};

}  // namespace
}  // namespace dnsp
