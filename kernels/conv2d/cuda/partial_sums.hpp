#pragma once

#include <cstdint>
#include <optional>

#include "base/workspace.hpp"
#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// The second stage of a sum over pixels: result[i] = scale · Σ_part partial[part · count + i], i < count.
/// Summed in double in an order that depends on `parts` only.
template <class Partial, class T>
struct PartialSums {
    std::int64_t count = 0, parts = 0;
    double scale = 1.0;
    const Partial* partial = nullptr;
    T* result = nullptr;
};

/// Computes one such sum and, in the same launch, a bias gradient. Partial is T or double.
template <class Partial, class T>
void add_partial_sums(const PartialSums<Partial, T>& sums, const PartialSums<double, T>& bias = {});

/// A bias gradient, first stage launched by the constructor. If `result` is null, nothing is computed.
template <class T>
class BiasGradient {
  public:
    template <class Gradient>
    BiasGradient(const Conv2dShape& shape, const Gradient* output_gradient, double scale, T* result);
    template <class In, class Out>
    BiasGradient(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass)
        : BiasGradient(shape, pass.output_gradient, pass.scale, pass.bias_gradient) {}
    const PartialSums<double, T>& partial_sums() const { return sums_; }

  private:
    std::optional<simt::Workspace<double>> partial_;
    PartialSums<double, T> sums_;
};

}  // namespace dnsp::kernels::cuda::detail
