// EDSR (Lim et al. 2017) as the paper uses it, Fig. 7, without upsampler, because the input is already
// enlarged: head convolution, `depth` residual blocks, body convolution, addition of the head's output, tail
// convolution. All convolutions are 3×3 with biases. There is no batch normalisation.
#include <vector>

#include "layers/residual_block.hpp"
#include "models/model.hpp"

namespace dnsp {
namespace {

constexpr int paper_depth = 32;
constexpr int paper_width = 256;
constexpr double residual_scale = 0.1;

class Edsr : public Model {
  public:
    Edsr(const ModelOptions& options, ParameterStore& store)
        : Model(with_defaults(options, paper_depth, paper_width)),
          head_(store, "head", {.out_channels = options_.width, .bfloat16_output_allowed = true}),
          blocks_(make_blocks(store)),
          body_(store, "body",
                {.in_channels = options_.width,
                 .out_channels = options_.width,
                 .bfloat16_output_allowed = true}),
          tail_(store, "tail", {.in_channels = options_.width, .start_at_zero = options_.global_skip}) {}

    int receptive_radius(int alignment) const override {
        int radius = head_.receptive_radius(alignment) + body_.receptive_radius(alignment) +
                     tail_.receptive_radius(alignment);
        for (const auto& block : blocks_) radius += block.receptive_radius(alignment);
        return radius;
    }

  protected:
    Tensor network(Tape& tape, const Tensor& input) const override {
        const Tensor head = head_(tape, input);
        Tensor features = head;
        for (const auto& block : blocks_) features = block(tape, features);
        return tail_(tape, body_.add_to(tape, head, 1.0, features));
    }

  private:
    std::vector<ResidualBlock> make_blocks(ParameterStore& store) const {
        std::vector<ResidualBlock> blocks;
        for (int i = 0; i < options_.depth; ++i)
            blocks.emplace_back(store, "blocks." + std::to_string(i), options_.width, residual_scale);
        return blocks;
    }

    Conv2d head_;
    std::vector<ResidualBlock> blocks_;
    Conv2d body_, tail_;
};

const ModelRegistration<Edsr> registration{"edsr",
                                           "EDSR, --depth residual blocks (32) of --width channels (256)"};

}  // namespace
}  // namespace dnsp
