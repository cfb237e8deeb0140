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
    /// The shape of the backward pass to the input, a convolution with flipped taps and exchanged channels.
    constexpr Conv2dShape backward() const {
        Conv2dShape shape = *this;
        shape.in_channels = out_channels;
        shape.out_channels = in_channels;
        return shape;
    }
};

enum class Activation { none, relu };

/// The epilogue of a forward pass, applied before the output is written:
///   output = activation(residual + scale · (convolution + bias))
template <class T>
struct Conv2dEpilogue {
    Activation activation = Activation::none;
    double scale = 1.0;
    const T* residual = nullptr;  ///< same shape as the output, must not overlap it; null: 0
};

/// The type of weights, biases and their gradients, for an input of type In and an output of type Out:
/// - All images and weights have the same type, float or double.
/// - One or both images may be bfloat16 and the other float. Weights are then float, sums are accumulated in
///   float, and outputs are rounded once when they are written.
template <class In, class Out = In>
using Conv2dWeight =
    std::conditional_t<std::is_same_v<In, bfloat16> || std::is_same_v<Out, bfloat16>, float, In>;

// Arguments of the passes. Every output is overwritten. In the backward passes:
// - `output_gradient` is the gradient with respect to the epilogue's output, already masked if the epilogue
//   has a ReLU.
// - `scale` is the scale of the epilogue.

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
    Conv2dWeight<In, Out>* bias_gradient = nullptr;  ///< may be null: not computed
};

namespace cpu {
/// Kernels may compute aligned tiles of conv2d_alignment² pixels, counted from the corner of the image. In
/// float32 an output pixel depends bitwise on the input pixels up to the kernel's radius around its tile
/// only: not on the size of the image, the batch, or the number of threads.
inline constexpr int conv2d_alignment = 4;
}  // namespace cpu
namespace cuda {
inline constexpr int conv2d_alignment = 1;
}  // namespace cuda

// Instances: <float, float>, <double, double>, <bfloat16, bfloat16>, <float, bfloat16>, <bfloat16, float>.
// CPU kernels compute in float or double. float32 uses the algorithms listed in cpu/conv2d.cpp, for every
// kernel size and channel count; all passes multiply in bfloat16 if conv2d_precision() says so and the
// channel counts allow it, gradients of weights on AMX only. float64, for gradient checks only, uses Eigen:
// its sums depend on the position of a pixel. CUDA kernels (listed in cuda/conv2d.cu) multiply float32 in the
// precision of conv2d_options() if tensor cores support the channel counts, else in T.

DNSP_DECLARE_MIXED_KERNEL(conv2d_forward, const Conv2dShape& shape, const Conv2dForward<In, Out>& pass);

DNSP_DECLARE_MIXED_KERNEL(conv2d_backward_input, const Conv2dShape& shape,
                          const Conv2dBackwardInput<In, Out>& pass);

DNSP_DECLARE_MIXED_KERNEL(conv2d_backward_weight, const Conv2dShape& shape,
                          const Conv2dBackwardWeight<In, Out>& pass);

/// The bias gradient alone: bias_gradient[o] = scale · Σ_pixel output_gradient[pixel, o].
DNSP_DECLARE_KERNEL(conv2d_backward_bias, const Conv2dShape& shape, const T* output_gradient, double scale,
                    Conv2dWeight<T>* bias_gradient);

/// The implementation of convolutions on the CUDA device. A setting of the process, read at each call.
enum class Conv2dBackend {
    native,  ///< the kernels of this folder
    cudnn,   ///< NVIDIA's cuDNN, for comparison
    cublas   ///< im2col and a cuBLAS GEMM
};
enum class Conv2dPrecision { float32, tf32, bfloat16 };

namespace cpu {
/// True if the processor has products in bfloat16 that are faster than those in float32 (AMX, or AMD's
/// AVX512_BF16), or the environment variable DNSP_BFLOAT16 selects an implementation
/// (cpu/bfloat16/unit.hpp). Throws Error for a wrong value of it.
bool conv2d_has_bfloat16();
/// The precision of products on the CPU, float32 (default) or bfloat16. A setting of the process, read at
/// each call.
Conv2dPrecision conv2d_precision();
/// Throws Error for TF32, and for bfloat16 without conv2d_has_bfloat16().
void set_conv2d_precision(Conv2dPrecision precision);
/// True if convolutions between these channel counts multiply in bfloat16. Intermediate activations of a
/// network should then be stored as bfloat16.
bool conv2d_stores_bfloat16(std::int64_t in_channels, std::int64_t out_channels);

/// True if conv2d_chain_forward() supports two convolutions of which the second one reads what the first one
/// writes: a 9×9 kernel from few channels and a 1×1 kernel, as in SRCNN.
bool conv2d_chain_supports(const Conv2dShape& first, const Conv2dShape& second);
/// Both convolutions, without the image between them in memory. The bits are those of one after the other.
/// `first` has no residual; first.output and second.input are not used.
void conv2d_chain_forward(const Conv2dShape& first_shape, const Conv2dForward<float>& first,
                          const Conv2dShape& second_shape, const Conv2dForward<float>& second);
}  // namespace cpu

struct Conv2dOptions {
    Conv2dBackend backend = Conv2dBackend::native;
    Conv2dPrecision precision = Conv2dPrecision::tf32;
};
namespace cuda {

const Conv2dOptions& conv2d_options();
/// Throws Error if the backend is unavailable, and in a build without CUDA.
void set_conv2d_options(const Conv2dOptions& options);

/// True if a native kernel (wgmma) supports these channel counts with bfloat16 images under the current
/// options. Intermediate activations of a network should then be stored as bfloat16.
bool conv2d_stores_bfloat16(std::int64_t in_channels, std::int64_t out_channels);

}  // namespace cuda
}  // namespace dnsp::kernels
