#pragma once

#include <cstdint>

namespace dnsp::kernels {

/// Kingma and Ba, Algorithm 1, with the bias corrections of step t = 1, 2, …
struct AdamStep {
    double learning_rate = 1e-4;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    std::int64_t step = 1;
};

namespace cpu {

/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², value ← value − lr · m̂ / (√v̂ + ε), in place.
template <class T>
void adam(std::int64_t count, const AdamStep& adam, const T* gradient, T* value, T* first_moment,
          T* second_moment);

}  // namespace cpu
}  // namespace dnsp::kernels
