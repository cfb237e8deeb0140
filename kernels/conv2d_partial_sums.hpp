#pragma once

#include <cstdint>

namespace dnsp::kernels::cuda::detail {

/// result[i] = scale · Σ_part partial[part · count + i], i < count: the second stage of the sums over pixels.
/// Summed in double, in an order that depends on `parts` alone. Partial is T or double.
template <class Partial, class T>
void add_partial_sums(std::int64_t count, std::int64_t parts, double scale, const Partial* partial,
                      T* result);

}  // namespace dnsp::kernels::cuda::detail
