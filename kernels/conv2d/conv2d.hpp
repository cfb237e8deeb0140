#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// Two-dimensional cross-correlation, stride 1, zero padding that keeps the image size (odd kernels only):
///   convolution[n,y,x,o] = Σ_{i,j,c} weight[o,i,j,c] · input[n, y+i−⌊kh/2⌋, x+j−⌊kw/2⌋, c]
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
    constexpr std::int64_t pixels() const { return batch * height * width; }
    constexpr std::int64_t input_elements() const { return pixels() * in_channels; }
    constexpr std::int64_t output_elements() const { return pixels() * out_channels; }
    constexpr std::int64_t weight_elements() const {
        return out_channels * kernel_height * kernel_width * in_channels;
    }
};

enum class Activation { none, relu };

/// What the forward pass does to the sums before it writes them:
///   output = activation(residual + scale · (convolution + bias)),   residual = 0 where it is null
/// `residual` has the shape of the output and does not overlap it.
template <class T>
struct Conv2dEpilogue {
    Activation activation = Activation::none;
    double scale = 1.0;
    const T* residual = nullptr;
};

namespace cpu {
/// Kernels may compute tiles of conv2d_alignment × conv2d_alignment pixels at once, aligned to the corner of
/// the image. In float32 the bits of an output pixel depend on the input up to the kernel's radius around its
/// tile, and on nothing else: not on the image's size, the batch, or the number of threads.
inline constexpr int conv2d_alignment = 4;
}  // namespace cpu
namespace cuda {
inline constexpr int conv2d_alignment = 1;
}  // namespace cuda

// Every output is overwritten. In the backward passes `scale` is the epilogue's: they take the gradient of
// what the epilogue wrote and multiply it by `scale`; the gradient must have been masked already where a
// ReLU made that.
//
// The CPU's kernels compute in T: float32 by the algorithms that cpu/conv2d.cpp lists, for every kernel size
// and number of channels; float64, which only gradient checks use, by Eigen, whose sums depend on a pixel's
// place. The CUDA device's multiply in the chosen precision and sum in T. Tensor cores (tf32, bfloat16) take
// float convolutions whose channel counts are divisible by 8; all others are computed in T.

DNSP_DECLARE_KERNEL(conv2d_forward, const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                    const Conv2dEpilogue<T>& epilogue, T* output);

/// input_gradient = added + the gradient; `added`, another contribution to the same gradient, may be null or
/// input_gradient itself. Where `rectified_input` is not null, it is the input of the convolution and a
/// ReLU's output, and the sum is the gradient with respect to the ReLU's input: 0 wherever rectified_input is
/// 0.
DNSP_DECLARE_KERNEL(conv2d_backward_input, const Conv2dShape& shape, const T* output_gradient, double scale,
                    const T* weight, const T* rectified_input, const T* added, T* input_gradient);

/// bias_gradient may be null.
DNSP_DECLARE_KERNEL(conv2d_backward_weight, const Conv2dShape& shape, const T* input,
                    const T* output_gradient, double scale, T* weight_gradient, T* bias_gradient);

DNSP_DECLARE_KERNEL(conv2d_backward_bias, const Conv2dShape& shape, const T* output_gradient, double scale,
                    T* bias_gradient);

/// How the CUDA device convolves: settings of the process, read at each call.
enum class Conv2dBackend {
    ours,   ///< the kernels of this folder
    cudnn,  ///< NVIDIA's, for comparison and for those who want them
    cublas  ///< im2col and a matrix product of cuBLAS
};
enum class Conv2dPrecision { float32, tf32, bfloat16 };
struct Conv2dOptions {
    Conv2dBackend backend = Conv2dBackend::ours;
    Conv2dPrecision precision = Conv2dPrecision::tf32;
};
namespace cuda {
const Conv2dOptions& conv2d_options();
/// Throws where the backend is not there.
void set_conv2d_options(const Conv2dOptions& options);
}  // namespace cuda

}  // namespace dnsp::kernels
