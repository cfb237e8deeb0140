#pragma once

#include <optional>
#include <string>

#include "base/divide_up.hpp"
#include "engine/parameters.hpp"
#include "engine/tape.hpp"
#include "kernels/conv2d/conv2d.hpp"

namespace dnsp {

using kernels::Activation;

/// Operations fused into the convolution: output = activation(residual + scale · (convolution + bias)).
struct Conv2dFusion {
    Activation activation = Activation::none;
    double scale = 1.0;
    Tensor residual = {};         ///< of the output's shape and type; undefined: 0
    bool store_bfloat16 = false;  ///< stores the output as bfloat16; needs float32 weights
};

/// input [n, h, w, c_in], weight [c_out, kh, kw, c_in] (odd kernels), bias [c_out] → [n, h, w, c_out]; stride
/// 1, zero padding to the same size, cross-correlation. An undefined bias is 0. All tensors have one type,
/// except that images inside a network may be bfloat16 while weights, bias and their gradients are float32.
/// Throws Error for other shapes, types or devices.
Tensor conv2d(Tape& tape, const Tensor& input, const Tensor& weight, const Tensor& bias,
              const Conv2dFusion& fusion = {});

/// A convolution that owns the parameters "<name>.weight" and, unless bias is false, "<name>.bias".
class Conv2d {
  public:
    struct Options {
        std::int64_t in_channels = 1;
        std::int64_t out_channels = 1;
        std::int64_t kernel = 3;
        Activation activation = Activation::none;
        /// Allows to store the output as bfloat16. It is stored so if that is faster: on a device that
        /// multiplies in bfloat16 and has kernels for it (conv2d_stores_bfloat16 in
        /// kernels/conv2d/conv2d.hpp). Precondition: only convolutions read the output.
        bool bfloat16_output_allowed = false;
        bool start_at_zero = false;  ///< weight and bias start at 0: the last layer of a residual network
        bool bias = true;
        /// Initialises the weight; the bias then starts at 0. Empty: He-uniform for both. Ignored if
        /// start_at_zero.
        std::optional<Initialiser> initialiser = {};
    };
    Conv2d(ParameterStore& store, const std::string& name, const Options& options);

    Tensor operator()(Tape& tape, const Tensor& input) const;
    /// residual + scale · convolution(input), in one pass.
    Tensor add_to(Tape& tape, const Tensor& residual, double scale, const Tensor& input) const;
    /// next(*this(input)). If the tape records nothing and the device can, the image between the two
    /// convolutions is not stored; the bits are the same.
    Tensor then(Tape& tape, const Conv2d& next, const Tensor& input) const;
    /// Half the kernel, rounded up to a multiple of `alignment` (Model::receptive_radius).
    int receptive_radius(int alignment) const {
        const int radius = static_cast<int>(options_.kernel / 2);
        return divide_up(radius, alignment) * alignment;
    }

  private:
    Tensor apply(Tape& tape, const Tensor& input, Conv2dFusion fusion) const;

    ParameterStore* store_;
    Options options_;
    std::size_t weight_, bias_ = 0;
};

}  // namespace dnsp
