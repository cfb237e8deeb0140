#include "kernels/adam.hpp"

#include "kernels/simt/grid.hpp"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256;

/// AdamShape in T, with the constants of a launch precomputed.
template <class T>
struct Shape {
    struct Segment {
        std::int64_t begin;   // first element, counted over all segments
        std::int64_t offset;  // index in the arrays = offset + index over all segments
    } segments[AdamShape::max_segments];
    std::int64_t count;  // elements of all segments
    T beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon;
};

template <class T>
Shape<T> in_type(const AdamShape& a) {
    Shape<T> out{};
    for (int s = 0; s < a.segment_count; ++s) {
        const auto& [first, count] = a.segments[static_cast<std::size_t>(s)];
        out.segments[s] = {out.count, first - out.count};
        out.count += count;
    }
    for (int s = a.segment_count; s < AdamShape::max_segments; ++s) out.segments[s].begin = out.count;
    out.beta1 = static_cast<T>(a.beta1);
    out.one_minus_beta1 = static_cast<T>(1 - a.beta1);
    out.beta2 = static_cast<T>(a.beta2);
    out.one_minus_beta2 = static_cast<T>(1 - a.beta2);
    out.epsilon = static_cast<T>(a.epsilon);
    return out;
}

// The formulas of adam.hpp for all segments in one launch. A grid-stride loop runs over the elements of one
// segment after the other. Neighbouring threads own neighbouring elements. Every thread reads the rates of
// the step (40 bytes) once. Bound by device memory: four reads and three writes per element.
template <class T>
__global__ void __launch_bounds__(threads)
    move_parameters(const Shape<T> a, const AdamRates* rates, const StepPosition* position, const T* gradient,
                    T* value, T* first_moment, T* second_moment) {
    const AdamRates& rate = rates[position->step];
    T step_size[AdamShape::max_segments];
#pragma unroll
    for (int s = 0; s < AdamShape::max_segments; ++s) step_size[s] = static_cast<T>(rate.step_size[s]);
    const T correction2 = static_cast<T>(rate.root_correction);
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t n = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; n < a.count;
         n += stride) {
        std::int64_t offset = a.segments[0].offset;
        T size = step_size[0];
#pragma unroll
        for (int s = 1; s < AdamShape::max_segments; ++s)
            if (n >= a.segments[s].begin) {
                offset = a.segments[s].offset;
                size = step_size[s];
            }
        const std::int64_t i = n + offset;
        const T g = gradient[i];
        const T m = fma(a.beta1, first_moment[i], a.one_minus_beta1 * g);
        const T v = fma(a.beta2, second_moment[i], a.one_minus_beta2 * g * g);
        first_moment[i] = m;
        second_moment[i] = v;
        value[i] -= size * m / fma(sqrt(v), correction2, a.epsilon);
    }
}

}  // namespace

template <class T>
void adam(const AdamShape& adam, const AdamRates* rates, const StepPosition* position, const T* gradient,
          T* value, T* first_moment, T* second_moment) {
    const Shape<T> shape = in_type<T>(adam);
    simt::launch(move_parameters<T>, simt::blocks_for_stride_loop(shape.count, threads), threads, 0, shape,
                 rates, position, gradient, value, first_moment, second_moment);
}

DNSP_INSTANTIATE(adam);

}  // namespace dnsp::kernels::cuda
