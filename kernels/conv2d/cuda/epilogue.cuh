#pragma once

// Applied to the sums of a forward pass, or of a backward pass to the input, before they are written.
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda::detail {

/// output = residual + scale · (sum + bias), then max(·, 0) if `relu`, then 0 wherever `relu_output` is not
/// positive. Null arrays are skipped. NaN passes the ReLU but not the mask.
template <class T>
struct Epilogue {
    const T* bias;
    T scale;
    const T* residual;
    bool relu;
    const T* relu_output;
    std::int64_t channels;  ///< channels of the output
    T* output;
    bool aligned;  ///< rows of channels begin at multiples of 16 bytes in all arrays

    /// The bias of a thread's channels: `elements` of them from `channel` on. Load it once.
    __device__ __forceinline__ simt::Vector<T> offset(std::int64_t channel, int elements) const {
        return load_or(bias, channel, elements, T(0));
    }
    __device__ __forceinline__ void write(std::int64_t pixel, std::int64_t channel, int elements,
                                          const simt::Vector<T>& sums, const simt::Vector<T>& offset) const {
        const std::int64_t at = pixel * channels + channel;
        const simt::Vector<T> before = load_or(residual, at, elements, T(0)),
                              gate = load_or(relu_output, at, elements, T(1));
        simt::Vector<T> result;
#pragma unroll
        for (int e = 0; e < simt::Vector<T>::width; ++e)
            result.element[e] =
                value(sums.element[e] + offset.element[e], before.element[e], gate.element[e]);
        simt::store_vector(result, output, at, elements, aligned);
    }
    /// Writes the only channel of a pixel, in a forward pass.
    __device__ __forceinline__ void write(std::int64_t pixel, T sum) const {
        output[pixel] = value(bias ? sum + bias[0] : sum, residual ? residual[pixel] : T(0), T(1));
    }

  private:
    __device__ __forceinline__ T value(T sum, T before, T gate) const {
        const T result = fma(scale, sum, before);
        return (relu && result < T(0)) || !(gate > T(0)) ? T(0) : result;
    }
    __device__ __forceinline__ simt::Vector<T> load_or(const T* from, std::int64_t at, int elements,
                                                       T otherwise) const {
        if (from) return simt::load_vector(from, at, elements, aligned);
        simt::Vector<T> vector;
#pragma unroll
        for (T& element : vector.element) element = otherwise;
        return vector;
    }
};

template <class T, class... Pointers>
bool has_aligned_rows(std::int64_t channels, const Pointers*... arrays) {
    return channels % simt::Vector<T>::width == 0 && simt::are_aligned(arrays...);
}

template <class T>
Epilogue<T> epilogue_of(const Conv2dShape& s, const Conv2dForward<T>& pass) {
    return {.bias = pass.bias,
            .scale = static_cast<T>(pass.epilogue.scale),
            .residual = pass.epilogue.residual,
            .relu = pass.epilogue.activation == Activation::relu,
            .relu_output = nullptr,
            .channels = s.out_channels,
            .output = pass.output,
            .aligned = has_aligned_rows<T>(s.out_channels, pass.bias, pass.epilogue.residual, pass.output)};
}

template <class T>
Epilogue<T> epilogue_of(const Conv2dShape& s, const Conv2dBackwardInput<T>& pass) {
    return {.bias = nullptr,
            .scale = static_cast<T>(pass.scale),
            .residual = pass.accumulate,
            .relu = false,
            .relu_output = pass.relu_output,
            .channels = s.in_channels,
            .output = pass.input_gradient,
            .aligned =
                has_aligned_rows<T>(s.in_channels, pass.relu_output, pass.accumulate, pass.input_gradient)};
}

}  // namespace dnsp::kernels::cuda::detail
