#pragma once

#include <cstdint>

#include "base/device/workspace.hpp"
#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// The second stage of a sum over pixels: result[i] = scale · Σ_part partial[part · count + i], i < count.
/// Summed in double, in an order that depends on `parts` alone.
template <class Partial, class T>
struct PartialSums {
    std::int64_t count, parts;
    double scale;
    const Partial* partial;
    T* result;
};

/// Adds up one such sum, or in the same launch that of the biases too: it has so little to do that it costs
/// nothing beside another. Partial is T or double.
template <class Partial, class T>
void add_partial_sums(const PartialSums<Partial, T>& sums, const PartialSums<double, T>* of_bias = nullptr);

/// A bias gradient whose first stage has been started.
template <class T>
class BiasGradient {
  public:
    template <class Gradient>
    BiasGradient(const Conv2dShape& shape, const Gradient* output_gradient, double scale, T* result);
    const PartialSums<double, T>& partial_sums() const { return sums_; }

  private:
    simt::Workspace<double> partial_;
    PartialSums<double, T> sums_;
};

}  // namespace dnsp::kernels::cuda::detail
