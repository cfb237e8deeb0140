#include "kernels/elu.hpp"

#include "kernels/simt/grid.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda {
namespace {

using simt::are_aligned, simt::load_vector, simt::store_vector, simt::Vector;

constexpr int threads = 256;

template <class T>
struct Forward {
    __device__ T operator()(T x, T) const { return x > T(0) ? x : static_cast<T>(expm1(x)); }
};
template <class T>
struct Backward {
    __device__ T operator()(T gradient, T y) const { return gradient * (y > T(0) ? T(1) : y + T(1)); }
};

// output = function(a, b) for each element: a grid-stride loop over vectors of 16 bytes, neighbouring threads
// on neighbouring vectors. Bound by device memory.
template <class T, class Function>
__global__ void __launch_bounds__(threads)
    map(std::int64_t count, bool aligned, Function function, const T* a, const T* b, T* output) {
    constexpr std::int64_t width = Vector<T>::width;
    const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads * width;
    for (std::int64_t first = thread * width; first < count; first += stride) {
        const int elements = static_cast<int>(min(width, count - first));
        const Vector<T> x = load_vector(a, first, elements, aligned),
                        y = b ? load_vector(b, first, elements, aligned) : x;
        Vector<T> result;
#pragma unroll
        for (int k = 0; k < width; ++k) result.element[k] = function(x.element[k], y.element[k]);
        store_vector(result, output, first, elements, aligned);
    }
}

template <class T, class Function>
void launch_map(std::int64_t count, Function function, const T* a, const T* b, T* output) {
    const unsigned blocks = simt::blocks_for_stride_loop(count, threads * Vector<T>::width);
    simt::launch(map<T, Function>, blocks, threads, 0, count, are_aligned(a, b, output), function, a, b,
                 output);
}

}  // namespace

template <class T>
void elu_forward(std::int64_t count, const T* input, T* output) {
    launch_map(count, Forward<T>{}, input, static_cast<const T*>(nullptr), output);
}

template <class T>
void elu_backward(std::int64_t count, const T* output_gradient, const T* forward_output, T* input_gradient) {
    launch_map(count, Backward<T>{}, output_gradient, forward_output, input_gradient);
}

DNSP_INSTANTIATE(elu_forward);
DNSP_INSTANTIATE(elu_backward);

}  // namespace dnsp::kernels::cuda
