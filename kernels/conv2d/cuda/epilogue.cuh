#pragma once

// What becomes of the sums of a convolution, forwards or back to the input, before they are written.
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda::detail {

/// output = residual + scale · (sum + bias), then max(·, 0) where `rectify`, then 0 wherever
/// `rectified_input` is not positive. What is null is left out. A NaN passes all but the last.
template <class T>
struct Finish {
    const T* bias;
    T scale;
    const T* residual;
    bool rectify;
    const T* rectified_input;
    std::int64_t channels;  ///< of the output
    T* output;
    bool aligned;  ///< rows of channels begin at multiples of 16 bytes, in all of the arrays

    /// Of a thread's channels, `elements` from `channel` on, to be loaded once.
    __device__ __forceinline__ simt::Vector<T> offset(std::int64_t channel, int elements) const {
        return load_or(bias, channel, elements, T(0));
    }
    __device__ __forceinline__ void write(std::int64_t pixel, std::int64_t channel, int elements,
                                          const simt::Vector<T>& sums, const simt::Vector<T>& offset) const {
        const std::int64_t at = pixel * channels + channel;
        const simt::Vector<T> before = load_or(residual, at, elements, T(0)),
                              gate = load_or(rectified_input, at, elements, T(1));
        simt::Vector<T> result;
#pragma unroll
        for (int e = 0; e < simt::Vector<T>::width; ++e)
            result.element[e] =
                value(sums.element[e] + offset.element[e], before.element[e], gate.element[e]);
        simt::store_vector(result, output, at, elements, aligned);
    }
    /// The same for the only channel of a pixel, in a forward pass.
    __device__ __forceinline__ void write(std::int64_t pixel, T sum) const {
        output[pixel] = value(bias ? sum + bias[0] : sum, residual ? residual[pixel] : T(0), T(1));
    }

  private:
    __device__ __forceinline__ T value(T sum, T before, T gate) const {
        const T result = fma(scale, sum, before);
        return (rectify && result < T(0)) || !(gate > T(0)) ? T(0) : result;
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
Finish<T> finish_forward(const Conv2dShape& s, const T* bias, const Conv2dEpilogue<T>& epilogue, T* output) {
    return {.bias = bias,
            .scale = static_cast<T>(epilogue.scale),
            .residual = epilogue.residual,
            .rectify = epilogue.activation == Activation::relu,
            .rectified_input = nullptr,
            .channels = s.out_channels,
            .output = output,
            .aligned = has_aligned_rows<T>(s.out_channels, bias, epilogue.residual, output)};
}

template <class T>
Finish<T> finish_backward_input(const Conv2dShape& s, double scale, const T* rectified_input, const T* added,
                                T* input_gradient) {
    return {.bias = nullptr,
            .scale = static_cast<T>(scale),
            .residual = added,
            .rectify = false,
            .rectified_input = rectified_input,
            .channels = s.in_channels,
            .output = input_gradient,
            .aligned = has_aligned_rows<T>(s.in_channels, rectified_input, added, input_gradient)};
}

}  // namespace dnsp::kernels::cuda::detail
