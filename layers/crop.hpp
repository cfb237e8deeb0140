#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// Keeps the first `length` entries of dimension `axis`; the other dimensions are unchanged. Throws Error
/// unless 0 < length ≤ input.shape()[axis].
Tensor crop(Tape& tape, const Tensor& input, int axis, std::int64_t length);

}  // namespace dnsp
