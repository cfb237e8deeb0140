#pragma once

#include <vector>

#include "engine/tape.hpp"

namespace dnsp {

/// Joins tensors [n, h, w, cᵢ] along the channels: [n, h, w, Σcᵢ].
Tensor concat(Tape& tape, const std::vector<Tensor>& inputs);

/// Appends channels of zeros: [n, h, w, c] → [n, h, w, c + channels].
Tensor append_zeros(Tape& tape, const Tensor& input, std::int64_t channels);

}  // namespace dnsp
