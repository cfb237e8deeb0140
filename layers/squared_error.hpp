#pragma once

#include "engine/tape.hpp"

namespace dnsp {

/// Over the pixels of one image; the batch is always averaged.
enum class Reduction { mean, sum };

struct SquaredError {
    Tensor value;     ///< float64 scalar [1] on the tape
    Tensor gradient;  ///< ∂value/∂output
};

/// The data term, paper Eq. (1): mean over the batch of ½‖output − target‖²_F (Reduction::sum), divided by
/// the elements of one image for Reduction::mean. The target gets no gradient.
SquaredError squared_error(Tape& tape, const Tensor& output, const Tensor& target, Reduction reduction);

}  // namespace dnsp
