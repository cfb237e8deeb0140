#include "kernels/elementwise.hpp"

#include "kernels/simt/grid.hpp"
#include "kernels/simt/reduce.cuh"
#include "kernels/simt/vector.cuh"

// Every kernel here is a grid-stride loop over vectors of 16 bytes (4 floats or 2 doubles). Neighbouring
// threads own neighbouring vectors. Bound by device memory. A grid has at most 1024 blocks of 256 threads,
// about the capacity of the largest devices.
namespace dnsp::kernels::cuda {
namespace {

using simt::are_aligned, simt::block_sum, simt::load_vector, simt::store_vector, simt::Vector;

constexpr int threads = 256;

template <class T>
unsigned blocks(std::int64_t count) {
    return simt::blocks_for_stride_loop(count, threads * Vector<T>::width);
}

/// Calls body(first, elements) for each vector of this thread. Only the last vector of the array may be
/// partial.
template <class T, class Body>
__device__ __forceinline__ void for_each_run(std::int64_t count, Body&& body) {
    constexpr std::int64_t width = Vector<T>::width;
    const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads * width;
    for (std::int64_t first = thread * width; first < count; first += stride)
        body(first, static_cast<int>(min(width, count - first)));
}

// ---- Elementwise maps

template <class T, class Function, class... Inputs>
__device__ __forceinline__ void map(std::int64_t count, bool aligned, Function function, T* output,
                                    const Inputs*... inputs) {
    for_each_run<T>(count, [&](std::int64_t first, int elements) {
        const auto apply = [&](const auto&... loaded) {
            Vector<T> result;
#pragma unroll
            for (int k = 0; k < Vector<T>::width; ++k) result.element[k] = function(loaded.element[k]...);
            return result;
        };
        store_vector(apply(load_vector(inputs, first, elements, aligned)...), output, first, elements,
                     aligned);
    });
}

template <class T, class Function, class... Inputs>
__global__ void __launch_bounds__(threads)
    map_kernel(std::int64_t count, bool aligned, Function function, T* output, const Inputs*... inputs) {
    map(count, aligned, function, output, inputs...);
}

template <class T, class Function, class... Inputs>
void launch_map(std::int64_t count, Function function, T* output, const Inputs*... inputs) {
    simt::launch(map_kernel<T, Function, Inputs...>, blocks<T>(count), threads, 0, count,
                 are_aligned(output, inputs...), function, output, inputs...);
}

template <class T>
struct Constant {
    T value;
    __device__ T operator()() const { return value; }
};
template <class T>
struct Sum {
    __device__ T operator()(T a, T b) const { return a + b; }
};
template <>
struct Sum<bfloat16> {
    __device__ bfloat16 operator()(bfloat16 a, bfloat16 b) const {
        return bfloat16(static_cast<float>(a) + static_cast<float>(b));
    }
};
template <class T>
struct Scaled {
    T scale;
    __device__ T operator()(T a) const { return scale * a; }
};
template <class T>
struct ScaledSum {
    T scale;
    __device__ T operator()(T a, T b) const { return fma(scale, b, a); }
};
template <class T>
struct Relu {
    __device__ T operator()(T a) const { return a < T(0) ? T(0) : a; }
};
template <class T>
struct PassedWherePositive {
    __device__ T operator()(T gradient, T output) const { return output > T(0) ? gradient : T(0); }
};

/// A thread converts as many elements at a time as fill 16 bytes of the wider type.
template <class From, class To>
__global__ void __launch_bounds__(threads)
    convert_kernel(std::int64_t count, bool aligned, const From* input, To* output) {
    constexpr int width = Vector<float>::width;
    struct alignas(width * sizeof(From)) FromRun {
        From element[width];
    };
    struct alignas(width * sizeof(To)) ToRun {
        To element[width];
    };
    for_each_run<float>(count, [&](std::int64_t first, int elements) {
        if (aligned && elements == width) {
            const FromRun run = *reinterpret_cast<const FromRun*>(input + first);
            ToRun result;
#pragma unroll
            for (int k = 0; k < width; ++k) result.element[k] = static_cast<To>(run.element[k]);
            *reinterpret_cast<ToRun*>(output + first) = result;
        } else {
            for (int k = 0; k < elements; ++k) output[first + k] = static_cast<To>(input[first + k]);
        }
    });
}

// ---- Sums, one partial sum per block

template <class T>
__global__ void __launch_bounds__(threads)
    sum_squared_error(std::int64_t count, bool aligned, const T* output, const T* target, T* gradient,
                      double* values) {
    double sum = 0.0;
    for_each_run<T>(count, [&](std::int64_t first, int elements) {
        Vector<T> run = load_vector(output, first, elements, aligned);
        const Vector<T> wanted = load_vector(target, first, elements, aligned);
#pragma unroll
        for (int k = 0; k < Vector<T>::width; ++k) {
            const double difference = static_cast<double>(run.element[k]) - wanted.element[k];
            sum = fma(difference, difference, sum);
            run.element[k] = static_cast<T>(difference);
        }
        store_vector(run, gradient, first, elements, aligned);
    });
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0) values[blockIdx.x] = 0.5 * sum;
}

}  // namespace

template <class T>
void fill(std::int64_t count, T value, T* output) {
    launch_map(count, Constant<T>{value}, output);
}

template <class T>
void add(std::int64_t count, const T* a, const T* b, T* output) {
    launch_map(count, Sum<T>{}, output, a, b);
}

template <class From, class To>
void convert(std::int64_t count, const From* input, To* output) {
    simt::launch(convert_kernel<From, To>, blocks<float>(count), threads, 0, count,
                 are_aligned(input, output), input, output);
}

template <class T>
void scale(std::int64_t count, double scale, const T* input, T* output) {
    launch_map(count, Scaled<T>{static_cast<T>(scale)}, output, input);
}

template <class T>
void add_scaled(std::int64_t count, const T* a, double scale, const T* b, T* output) {
    launch_map(count, ScaledSum<T>{static_cast<T>(scale)}, output, a, b);
}

template <class T>
void relu_forward(std::int64_t count, const T* input, T* output) {
    launch_map(count, Relu<T>{}, output, input);
}

template <class T>
void relu_backward(std::int64_t count, const T* output_gradient, const T* forward_output, T* input_gradient) {
    launch_map(count, PassedWherePositive<T>{}, input_gradient, output_gradient, forward_output);
}

template <class T>
void squared_error(std::int64_t count, const T* output, const T* target, T* gradient, double* values) {
    simt::launch(sum_squared_error<T>, static_cast<unsigned>(squared_error_parts(count)), threads, 0, count,
                 are_aligned(output, target, gradient), output, target, gradient, values);
}

DNSP_INSTANTIATE(fill);
DNSP_INSTANTIATE(add);
DNSP_INSTANTIATE(scale);
DNSP_INSTANTIATE(add_scaled);
DNSP_INSTANTIATE(relu_forward);
DNSP_INSTANTIATE(relu_backward);
DNSP_INSTANTIATE(squared_error);
template void add<bfloat16>(std::int64_t, const bfloat16*, const bfloat16*, bfloat16*);
template void convert<float, bfloat16>(std::int64_t, const float*, bfloat16*);
template void convert<bfloat16, float>(std::int64_t, const bfloat16*, float*);

}  // namespace dnsp::kernels::cuda
