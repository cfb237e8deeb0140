#include "kernels/elu.hpp"

#include <bit>

#include "base/parallel.hpp"
#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {
namespace {

template <class T>
struct Exponential;
template <>
struct Exponential<float> {
    using Bits = std::uint32_t;
    static constexpr int mantissa = 23, terms = 8;
    static constexpr float least = -18.0f;  // exp(x) − 1 rounds to −1 below it
    static constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;
};
template <>
struct Exponential<double> {
    using Bits = std::uint64_t;
    static constexpr int mantissa = 52, terms = 14;
    static constexpr double least = -38.0;
    static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
};

/// Σ_{n ≥ k} r^{n−k} / n! for n ≤ terms. Recursive, because GCC does not vectorise a loop around another
/// loop.
template <class T, int k>
inline T exponential_series(T r) {
    constexpr T coefficient = [] {
        double factorial = 1.0;
        for (int n = 2; n <= k; ++n) factorial *= n;
        return static_cast<T>(1.0 / factorial);
    }();
    if constexpr (k == Exponential<T>::terms)
        return coefficient;
    else
        return multiply_add(exponential_series<T, k + 1>(r), r, coefficient);
}

/// exp(x) − 1 for x ≤ 0, to about one unit in the last place:
///   x = n·ln 2 + r, |r| ≤ ½ ln 2;   exp(x) − 1 = 2ⁿ·(exp(r) − 1) + (2ⁿ − 1), exp(r) − 1 by its Taylor series
/// Free of branches and calls, so that loops vectorise. The result does not depend on the element's position.
template <class T>
inline T exp_minus_one(T x) {
    using E = Exponential<T>;
    using Bits = typename E::Bits;
    constexpr T shift = T(1.5) * static_cast<T>(Bits(1) << E::mantissa);  // adding it rounds to an integer
    constexpr T inverse_ln2 = T(1.44269504088896340736);
    const T bounded = x < E::least ? E::least : x;
    const T shifted = multiply_add(bounded, inverse_ln2, shift);
    const T n = shifted - shift;
    const T r = multiply_add(n, -E::ln2_low, multiply_add(n, -E::ln2_high, bounded));
    const T taylor = multiply_add(exponential_series<T, 2>(r) * r, r, r);
    const T power = std::bit_cast<T>(
        static_cast<Bits>((std::bit_cast<Bits>(shifted) << E::mantissa) + std::bit_cast<Bits>(T(1))));
    return multiply_add(power, taylor, power - T(1));
}

}  // namespace

template <class T>
void elu_forward(std::int64_t count, const T* input, T* output) {
#pragma omp parallel for simd schedule(static) if (parallel : count > parallel_grain)
    for (std::int64_t i = 0; i < count; ++i) {
        const T x = input[i], negative = exp_minus_one(x > T(0) ? T(0) : x);
        output[i] = x > T(0) ? x : negative;
    }
}

template <class T>
void elu_backward(std::int64_t count, const T* output_gradient, const T* forward_output, T* input_gradient) {
#pragma omp parallel for simd schedule(static) if (parallel : count > parallel_grain)
    for (std::int64_t i = 0; i < count; ++i) {
        const T y = forward_output[i];
        input_gradient[i] = output_gradient[i] * (y > T(0) ? T(1) : y + T(1));
    }
}

DNSP_INSTANTIATE(elu_forward);
DNSP_INSTANTIATE(elu_backward);

}  // namespace dnsp::kernels::cpu
