#pragma once

#include <cstdint>

namespace dnsp::kernels {

/// Two-dimensional cross-correlation, stride 1, zero padding that keeps the image size (odd kernels only):
///   output[n,y,x,o] = bias[o] + Σ_{i,j,c} weight[o,i,j,c] · input[n, y+i−⌊kh/2⌋, x+j−⌊kw/2⌋, c]
/// Layouts: images NHWC, weights OHWI, all dense.
struct Conv2dShape {
    std::int64_t batch = 1;
    std::int64_t height = 1;
    std::int64_t width = 1;
    std::int64_t in_channels = 1;
    std::int64_t out_channels = 1;
    std::int64_t kernel_height = 1;
    std::int64_t kernel_width = 1;

    bool operator==(const Conv2dShape&) const = default;
    std::int64_t pixels() const { return batch * height * width; }
    std::int64_t input_elements() const { return pixels() * in_channels; }
    std::int64_t output_elements() const { return pixels() * out_channels; }
    std::int64_t weight_elements() const { return out_channels * kernel_height * kernel_width * in_channels; }
};

/// Applied to the output in the same pass.
enum class Activation { none, relu };

/// Float runs on oneDNN; double, which only gradient checks use, on Eigen. Every output is overwritten.
namespace cpu {

template <class T>
void conv2d_forward(const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                    Activation activation, T* output);

template <class T>
void conv2d_backward_input(const Conv2dShape& shape, const T* output_gradient, const T* weight,
                           T* input_gradient);

/// Gradients of weight and bias in one pass over the output gradient.
template <class T>
void conv2d_backward_weight(const Conv2dShape& shape, const T* input, const T* output_gradient,
                            T* weight_gradient, T* bias_gradient);

}  // namespace cpu
}  // namespace dnsp::kernels
