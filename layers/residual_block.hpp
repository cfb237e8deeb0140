#pragma once

#include <string>

#include "layers/conv2d.hpp"

namespace dnsp {

/// EDSR's block: x + scale · conv(ReLU(conv(x))), 3×3, constant width.
class ResidualBlock {
  public:
    ResidualBlock(ParameterStore& store, const std::string& name, std::int64_t width, double scale)
        : conv1_(store, name + ".conv1",
                 {.in_channels = width,
                  .out_channels = width,
                  .activation = Activation::relu,
                  .bfloat16_output_allowed = true}),
          conv2_(store, name + ".conv2",
                 {.in_channels = width, .out_channels = width, .bfloat16_output_allowed = true}),
          scale_(scale) {}

    Tensor operator()(Tape& tape, const Tensor& input) const {
        return conv2_.add_to(tape, input, scale_, conv1_(tape, input));
    }
    int receptive_radius(int alignment) const {
        return conv1_.receptive_radius(alignment) + conv2_.receptive_radius(alignment);
    }

  private:
    Conv2d conv1_, conv2_;
    double scale_;
};

}  // namespace dnsp
