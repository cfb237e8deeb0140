#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// max(input, 0), any shape; the derivative at 0 is taken as 0. A convolution fuses its own (conv2d.hpp).
Tensor relu(Tape& tape, const Tensor& input);

}  // namespace dnsp
