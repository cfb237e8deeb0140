#pragma once

#include "layers/weighted_sum.hpp"

namespace dnsp {

/// Over the pixels of one image; the batch is always averaged.
enum class Reduction { mean, sum };

/// The data term, paper Eq. (1): mean over the batch of ½‖output − target‖²_F (Reduction::sum), divided by
/// the elements of one image for Reduction::mean. The target gets no gradient.
TermValue squared_error(const Tensor& output, const Tensor& target, Reduction reduction);

}  // namespace dnsp
