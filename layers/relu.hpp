#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// max(input, 0), any shape; the derivative at 0 is taken as 0. conv2d.hpp has a fused ReLU.
Tensor relu(Tape& tape, const Tensor& input);

}  // namespace dnsp
