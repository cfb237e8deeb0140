#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

// Convolutions between images of which at least one is bfloat16, for all shapes. The images are converted to
// and from float, and the passes run in float.
template <class In, class Out>
void widened_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void widened_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);
template <class In, class Out>
void widened_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass);

}  // namespace dnsp::kernels::cuda::detail
