#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/bfloat16.hpp"
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
    /// The convolution that the backward pass to the input is: with flipped taps and exchanged channels.
    constexpr Conv2dShape backward() const {
        Conv2dShape shape = *this;
        shape.in_channels = out_channels;
        shape.out_channels = in_channels;
        return shape;
    }
};

enum class Activation { none, relu };

/// What the forward pass does to the sums before it writes them:
///   output = activation(residual + scale · (convolution + bias))
template <class T>
struct Conv2dEpilogue {
    Activation activation = Activation::none;
    double scale = 1.0;
    const T* residual = nullptr;  ///< of the shape of the output, does not overlap it; null: 0
};

/// The type of weights, biases and their gradients between an input stored as In and an output stored as Out.
/// Images are of one type, float or double, and the weights too; or, on the CUDA device, at least one of them
/// is bfloat16, neither is double, and the weights are float. Sums are then in float, too, and are rounded
/// once, when they are written.
template <class In, class Out = In>
using Conv2dWeight =
    std::conditional_t<std::is_same_v<In, bfloat16> || std::is_same_v<Out, bfloat16>, float, In>;

// The arguments of the passes. Every output is overwritten. In the backward passes `output_gradient` is the
// gradient with respect to what the epilogue wrote, where a ReLU made that already masked, and `scale` is the
// epilogue's.

template <class In, class Out = In>
struct Conv2dForward {
    const In* input;
    const Conv2dWeight<In, Out>* weight;
    const Conv2dWeight<In, Out>* bias;
    Conv2dEpilogue<Out> epilogue = {};
    Out* output;
};

/// input_gradient = (accumulate + scale · ∂L/∂input) masked by relu_output.
template <class In, class Out = In>
struct Conv2dBackwardInput {
    const Out* output_gradient;
    double scale = 1.0;
    const Conv2dWeight<In, Out>* weight;
    /// If the convolution's input is the output of a ReLU, that output, else null. Where it is not positive,
    /// input_gradient is set to 0, so that the result is the gradient with respect to the ReLU's input.
    const In* relu_output = nullptr;
    const In* accumulate =
        nullptr;  ///< a gradient already accumulated; may be null, may alias input_gradient
    In* input_gradient;
};

template <class In, class Out = In>
struct Conv2dBackwardWeight {
    const In* input;
    const Out* output_gradient;
    double scale = 1.0;
    Conv2dWeight<In, Out>* weight_gradient;
    Conv2dWeight<In, Out>* bias_gradient = nullptr;  ///< may be null: it is not computed
};

namespace cpu {
/// Kernels may compute aligned tiles of conv2d_alignment² pixels, counted from the corner of the image. In
/// float32 an output pixel depends bitwise on the input up to the kernel's radius around its tile, and on
/// nothing else: not on the image's size, the batch, or the number of threads.
inline constexpr int conv2d_alignment = 4;
}  // namespace cpu
namespace cuda {
inline constexpr int conv2d_alignment = 1;
}  // namespace cuda

// The CPU's kernels compute in T: float32 by the algorithms that cpu/conv2d.cpp lists, for every kernel size
// and number of channels; float64, which only gradient checks use, by Eigen, whose sums depend on a pixel's
// place. The CUDA device's (cuda/conv2d.cu lists them) multiply float32 in the precision of conv2d_options()
// where tensor cores take the channels, and compute everything else in T. For images stored as bfloat16 the
// CUDA device's have further instances, <bfloat16, bfloat16>, <float, bfloat16> and <bfloat16, float>.

DNSP_DECLARE_MIXED_KERNEL(conv2d_forward, const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);

DNSP_DECLARE_MIXED_KERNEL(conv2d_backward_input, const Conv2dShape& shape,
                          const Conv2dBackwardInput<In, Out>& pass);

DNSP_DECLARE_MIXED_KERNEL(conv2d_backward_weight, const Conv2dShape& shape,
                          const Conv2dBackwardWeight<In, Out>& pass);

/// The bias's gradient alone: bias_gradient[o] = scale · Σ_pixel output_gradient[pixel, o].
DNSP_DECLARE_KERNEL(conv2d_backward_bias, const Conv2dShape& shape, const T* output_gradient, double scale,
                    Conv2dWeight<T>* bias_gradient);

/// How the CUDA device convolves: settings of the process, read at each call.
enum class Conv2dBackend {
    native,  ///< the kernels of this folder
    cudnn,   ///< NVIDIA's, for comparison
    cublas   ///< im2col and a GEMM of cuBLAS
};
enum class Conv2dPrecision { float32, tf32, bfloat16 };
struct Conv2dOptions {
    Conv2dBackend backend = Conv2dBackend::native;
    Conv2dPrecision precision = Conv2dPrecision::tf32;
};
namespace cuda {

const Conv2dOptions& conv2d_options();
/// Throws Error where the backend is not there, and in a build without CUDA.
void set_conv2d_options(const Conv2dOptions& options);

/// Whether convolutions of these channels between images in bfloat16 have a kernel of their own (wgmma) under
/// the present options: the images inside of a network are then worth storing so.
bool conv2d_stores_bfloat16(std::int64_t in_channels, std::int64_t out_channels);

}  // namespace cuda
}  // namespace dnsp::kernels
