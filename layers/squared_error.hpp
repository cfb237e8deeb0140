#pragma once

#include "layers/weighted_sum.hpp"

namespace dnsp {

/// Reduction over the pixels of an image. The batch is always averaged.
enum class Reduction { mean, sum };

/// The data term, paper Eq. (1): mean over the batch of ½‖output − target‖²_F; Reduction::mean also divides
/// by the elements of an image. output and target have one shape and type. The target gets no gradient.
TermValue squared_error(const Tensor& output, const Tensor& target, Reduction reduction);

}  // namespace dnsp
