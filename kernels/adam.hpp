#pragma once

#include <array>
#include <cstdint>

namespace dnsp::kernels {

/// A run of a flat array of parameters that is moved with a learning rate of its own.
struct AdamSegment {
    std::int64_t first = 0;
    std::int64_t count = 0;
    double learning_rate = 1e-4;
};

/// Kingma and Ba, Algorithm 1, with the bias corrections of step t = 1, 2, …
struct AdamStep {
    static constexpr int most_segments = 4;
    std::array<AdamSegment, most_segments> segments;
    int segment_count = 0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    std::int64_t step = 1;
};

/// For the elements of all segments, in place and in one pass over the flat arrays:
///   m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², value ← value − lr · m̂ / (√v̂ + ε)
namespace cpu {
template <class T>
void adam(const AdamStep& adam, const T* gradient, T* value, T* first_moment, T* second_moment);
}  // namespace cpu

namespace cuda {
template <class T>
void adam(const AdamStep& adam, const T* gradient, T* value, T* first_moment, T* second_moment);
}  // namespace cuda

}  // namespace dnsp::kernels
