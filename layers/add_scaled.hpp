#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// input + scale · branch; equal shapes. Ends a residual block (scale 0.1 in EDSR) or adds a global skip
/// (scale 1).
Tensor add_scaled(Tape& tape, const Tensor& input, double scale, const Tensor& branch);

}  // namespace dnsp
