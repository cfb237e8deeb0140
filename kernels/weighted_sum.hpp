#pragma once

#include <array>
#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// An evaluated scalar function with value scale · Σ values and gradient scale · gradient.
template <class T>
struct Term {
    const double* values = nullptr;
    std::int64_t value_count = 0;
    const T* gradient = nullptr;
    std::int64_t elements = 0;
    double scale = 1.0;
    double weight = 1.0;
};

/// An array and its factor in a sum.
template <class T>
struct Summand {
    const T* values = nullptr;
    double factor = 0.0;
};

/// 1 to 16 items, passed to a kernel by value.
template <class Item>
struct UpTo16 {
    static constexpr int max_count = 16;
    std::array<Item, max_count> item{};
    int count = 0;
};

/// The loss and its terms, with their scales: metrics[i] = valueᵢ, metrics[count + i] = ‖gradientᵢ‖_F,
/// metrics[2 · count] = Σ weightᵢ · valueᵢ. Sums are accumulated in double in an order that depends on the
/// sizes only.
DNSP_DECLARE_KERNEL(weighted_sum, const UpTo16<Term<T>>& terms, double* metrics);

/// output = added + factor[0] · Σ factorᵢ · valuesᵢ, arrays of `count` elements, summed in double and rounded
/// once. `added` may be null, may alias output.
DNSP_DECLARE_KERNEL(sum_of_arrays, std::int64_t count, const double* factor,
                    const UpTo16<Summand<T>>& summands, const T* added, T* output);

}  // namespace dnsp::kernels
