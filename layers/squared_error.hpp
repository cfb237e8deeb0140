#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// Over the pixels of one image; the batch is always averaged.
enum class Reduction { mean, sum };

/// The data term, paper Eq. (1): mean over the batch of ½‖output − target‖²_F (Reduction::sum), divided by
/// the elements of one image for Reduction::mean. A float64 scalar [1]. The target gets no gradient.
Tensor squared_error(Tape& tape, const Tensor& output, const Tensor& target, Reduction reduction);

}  // namespace dnsp
