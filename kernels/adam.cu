#include "kernels/adam.hpp"

#include <cmath>

#include "kernels/simt/grid.hpp"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256;

/// AdamStep in T, with what does not change from element to element worked out.
template <class T>
struct Step {
    struct Segment {
        std::int64_t begin;   // among all segments' elements
        std::int64_t offset;  // from there to the place in the arrays
        T step_size;
    } segments[AdamStep::most_segments];
    std::int64_t count;  // of all segments
    T beta1, one_minus_beta1, beta2, one_minus_beta2, correction2, epsilon;
};

template <class T>
Step<T> in_type(const AdamStep& a) {
    const double steps = static_cast<double>(a.step);
    Step<T> out{};
    for (int s = 0; s < a.segment_count; ++s) {
        const auto& [first, count, learning_rate] = a.segments[static_cast<std::size_t>(s)];
        out.segments[s] = {out.count, first - out.count,
                           static_cast<T>(learning_rate / (1 - std::pow(a.beta1, steps)))};
        out.count += count;
    }
    for (int s = a.segment_count; s < AdamStep::most_segments; ++s) out.segments[s].begin = out.count;
    out.beta1 = static_cast<T>(a.beta1);
    out.one_minus_beta1 = static_cast<T>(1 - a.beta1);
    out.beta2 = static_cast<T>(a.beta2);
    out.one_minus_beta2 = static_cast<T>(1 - a.beta2);
    out.correction2 = static_cast<T>(1 / std::sqrt(1 - std::pow(a.beta2, steps)));
    out.epsilon = static_cast<T>(a.epsilon);
    return out;
}

// The formulas of adam.hpp for all segments in one launch: a grid-stride loop over the segments' elements one
// segment after the other, neighbouring threads on neighbouring elements. Bound by the bandwidth of device
// memory: four elements read and three written for each.
template <class T>
__global__ void __launch_bounds__(threads)
    move_parameters(const Step<T> a, const T* gradient, T* value, T* first_moment, T* second_moment) {
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t n = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; n < a.count;
         n += stride) {
        auto segment = a.segments[0];
#pragma unroll
        for (int s = 1; s < AdamStep::most_segments; ++s)
            if (n >= a.segments[s].begin) segment = a.segments[s];
        const std::int64_t i = n + segment.offset;
        const T g = gradient[i];
        const T m = a.beta1 * first_moment[i] + a.one_minus_beta1 * g;
        const T v = a.beta2 * second_moment[i] + a.one_minus_beta2 * g * g;
        first_moment[i] = m;
        second_moment[i] = v;
        value[i] -= segment.step_size * m / (sqrt(v) * a.correction2 + a.epsilon);
    }
}

}  // namespace

template <class T>
void adam(const AdamStep& adam, const T* gradient, T* value, T* first_moment, T* second_moment) {
    const Step<T> step = in_type<T>(adam);
    simt::launch(move_parameters<T>, simt::blocks_for_stride_loop(step.count, threads), threads, 0, step,
                 gradient, value, first_moment, second_moment);
}

template void adam<float>(const AdamStep&, const float*, float*, float*, float*);
template void adam<double>(const AdamStep&, const double*, double*, double*, double*);

}  // namespace dnsp::kernels::cuda
