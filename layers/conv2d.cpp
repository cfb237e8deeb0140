#include "layers/conv2d.hpp"

namespace dnsp {
namespace {

kernels::Conv2dShape check_shapes(const Tensor& input, const Tensor& weight, const Tensor& bias) {
    const Shape &x = input.shape(), &w = weight.shape();
    require(x.rank() == 4, "[conv2d] input expects [batch, height, width, channels], got " + x.text());
    require(w.rank() == 4, "[conv2d] weight expects [out, kernel_height, kernel_width, in], got " + w.text());
    require(w[3] == x[3], "[conv2d] weight expects " + std::to_string(w[3]) + " input channels, input has " +
                              std::to_string(x[3]));
    require(w[1] % 2 == 1 && w[2] % 2 == 1, "[conv2d] kernel sides must be odd, got " + w.text());
    require(bias.shape() == Shape{w[0]},
            "[conv2d] bias expects [" + std::to_string(w[0]) + "], got " + bias.shape().text());
    require(input.dtype() == weight.dtype() && input.dtype() == bias.dtype(),
            "[conv2d] input, weight and bias must have one dtype");
    require(x.elements() > 0 && w.elements() > 0,
            "[conv2d] expects at least one pixel, channel and tap, got input " + x.text() + " and weight " +
                w.text());
    return {x[0], x[1], x[2], x[3], w[0], w[1], w[2]};
}

/// The gradient before the activation: the output itself says where the ReLU let through.
Tensor before_activation(const Tensor& output_gradient, const Tensor& output, Activation activation) {
    if (activation == Activation::none) return output_gradient;
    const Tensor masked = Tensor::empty_like(output_gradient);
    dispatch(output.dtype(), [&]<class T>() {
        kernels::cpu::relu_backward<T>(output.elements(), output_gradient.data<T>(), output.data<T>(),
                                       masked.data<T>());
    });
    return masked;
}

}  // namespace

Tensor conv2d(Tape& tape, const Tensor& input, const Tensor& weight, const Tensor& bias,
              Activation activation) {
    const kernels::Conv2dShape shape = check_shapes(input, weight, bias);
    require_cpu(input, "conv2d");
    Tensor output = Tensor::empty({shape.batch, shape.height, shape.width, shape.out_channels}, input.dtype(),
                                  input.device());
    dispatch(input.dtype(), [&]<class T>() {
        kernels::cpu::conv2d_forward<T>(shape, input.data<T>(), weight.data<T>(), bias.data<T>(), activation,
                                        output.data<T>());
    });
    if (!tape.needs_gradient(input, weight, bias)) return output;

    const Tensor saved = output;  // before record(): without the gradient slot, which would own this step
    tape.record(output, [=](const Tensor& output_gradient) {
        const Tensor gradient = before_activation(output_gradient, saved, activation);
        dispatch(input.dtype(), [&]<class T>() {
            contribute_gradient(input, [&](const Tensor& target) {
                kernels::cpu::conv2d_backward_input<T>(shape, gradient.data<T>(), weight.data<T>(),
                                                       target.data<T>());
            });
            if (!weight.requires_gradient() && !bias.requires_gradient()) return;
            const Tensor bias_gradient = Tensor::empty_like(bias);
            auto backward_weight = [&](const Tensor& target) {
                kernels::cpu::conv2d_backward_weight<T>(shape, input.data<T>(), gradient.data<T>(),
                                                        target.data<T>(), bias_gradient.data<T>());
            };
            if (weight.requires_gradient())
                contribute_gradient(weight, backward_weight);
            else
                backward_weight(Tensor::empty_like(weight));
            contribute_gradient(bias, [&](Tensor target) { target.copy_from(bias_gradient); });
        });
    });
    return output;
}

Conv2d::Conv2d(ParameterStore& store, const std::string& name, const Options& o)
    : store_(&store), options_(o) {
    const auto initialiser =
        o.start_at_zero ? Initialiser::zeros() : Initialiser::he_uniform(o.in_channels * o.kernel * o.kernel);
    weight_ = store.add(name + ".weight", {o.out_channels, o.kernel, o.kernel, o.in_channels},
                        ParameterGroup::network, initialiser);
    bias_ = store.add(name + ".bias", {o.out_channels}, ParameterGroup::network, initialiser);
}

Tensor Conv2d::operator()(Tape& tape, const Tensor& input) const {
    return conv2d(tape, input, (*store_)[weight_], (*store_)[bias_], options_.activation);
}

}  // namespace dnsp
