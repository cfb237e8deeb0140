#pragma once

#include <vector>

#include "engine/tape.hpp"

namespace dnsp {

/// Joins tensors [n, h, w, cᵢ] along the channels: [n, h, w, Σcᵢ].
Tensor concat(Tape& tape, const std::vector<Tensor>& inputs);

}  // namespace dnsp
