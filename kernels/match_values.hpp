#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// The comparison of two values: (v − t)² or (√v − √t)².
enum class Matching { value, square_root };

struct MatchShape {
    std::int64_t batch = 1;
    std::int64_t elements = 1;  ///< elements of one image's gradient
    Matching matching = Matching::value;
};

/// The loss that matches values v of `batch` images with values t of their targets, and its gradient, given
/// the gradient of v. With f(v) = v or √v:
///   loss[b]      = (f(v[b]) − f(t[b]))²
///   gradient[b] ← 2 (f(v[b]) − f(t[b])) f′(v[b]) · gradient[b],   0 where f(v) = √v and v[b] = 0
/// Overwrites loss[batch]. Updates gradient[batch, elements] in place. Factors are computed in double.
DNSP_DECLARE_KERNEL(match_values, const MatchShape& shape, const double* values, const double* targets,
                    double* loss, T* gradient);

/// The loss of one image and the factor of its gradient, from a = f(v) and t = f(target). For both devices:
/// for nvcc, constexpr functions are also device functions.
struct Matched {
    double loss, factor;
};
constexpr Matched match(Matching matching, double a, double t) {
    const double difference = a - t;
    const double factor = matching == Matching::value ? 2 * difference : (a > 0 ? difference / a : 0.0);
    return {difference * difference, factor};
}

}  // namespace dnsp::kernels
