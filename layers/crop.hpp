#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// The first `length` entries of the input's dimension `axis`; the other dimensions stay as they are. Expects
/// 0 < length ≤ input.shape()[axis].
Tensor crop(Tape& tape, const Tensor& input, int axis, std::int64_t length);

}  // namespace dnsp
