#pragma once

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cpu::detail {

// 1×1 convolutions between many channels (SRCNN's mapping layer) in float32: a GEMM of pixels and weights in
// register tiles. Bound by memory, so the epilogue is applied before a tile is written.

/// True if the kernel is 1×1 and both channel counts are multiples of 16.
bool pointwise_supports(const Conv2dShape& shape);

template <class In, class Out>
void pointwise_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);
template <class In, class Out>
void pointwise_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass);
template <class In, class Out>
void pointwise_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass);

}  // namespace dnsp::kernels::cpu::detail
