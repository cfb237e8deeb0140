#include "kernels/match_values.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256;

/// gradient[b, i] ← factor(b) · gradient[b, i]. blockIdx.y is the image b. A thread owns every (gridDim.x ·
/// threads)-th element of it. Each thread computes the factor (two square roots) itself, which is cheaper
/// than waiting for another thread. Bound by the traffic of the gradient.
template <class T>
__global__ void scale_gradients(MatchShape shape, const double* values, const double* targets, double* loss,
                                T* gradient) {
    const bool root = shape.matching == Matching::square_root;
    const std::int64_t b = blockIdx.y;
    const Matched matched =
        match(shape.matching, root ? sqrt(values[b]) : values[b], root ? sqrt(targets[b]) : targets[b]);
    if (blockIdx.x == 0 && threadIdx.x == 0) loss[b] = matched.loss;
    T* own = gradient + b * shape.elements;
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; i < shape.elements;
         i += stride)
        own[i] = static_cast<T>(matched.factor * own[i]);
}

}  // namespace

template <class T>
void match_values(const MatchShape& shape, const double* values, const double* targets, double* loss,
                  T* gradient) {
    const dim3 grid(simt::blocks_for_stride_loop(shape.elements, threads),
                    static_cast<unsigned>(shape.batch));
    simt::launch(scale_gradients<T>, grid, threads, 0, shape, values, targets, loss, gradient);
}

DNSP_INSTANTIATE(match_values);

}  // namespace dnsp::kernels::cuda
