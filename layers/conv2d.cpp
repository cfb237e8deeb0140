#include "layers/conv2d.hpp"

#include "engine/on_device.hpp"

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

}  // namespace

Tensor conv2d(Tape& tape, const Tensor& input, const Tensor& weight, const Tensor& bias,
              const Conv2dFusion& fusion) {
    const kernels::Conv2dShape shape = check_shapes(input, weight, bias);
    require_one_device("conv2d", input, weight, bias);
    const Device device = input.device();
    const double scale = fusion.scale;
    const Tensor residual = fusion.residual;
    Tensor output =
        Tensor::empty({shape.batch, shape.height, shape.width, shape.out_channels}, input.dtype(), device);
    if (residual.defined()) {
        require_one_device("conv2d", input, residual);
        require(residual.shape() == output.shape() && residual.dtype() == output.dtype(),
                "[conv2d] residual expects " + output.shape().text() + ", got " + residual.shape().text());
    }
    dispatch(input.dtype(), [&]<class T>() {
        on(device, kernels::cpu::conv2d_forward<T>, kernels::cuda::conv2d_forward<T>)(
            shape, input.data<T>(), weight.data<T>(), bias.data<T>(),
            {fusion.activation, scale, residual.defined() ? residual.data<T>() : nullptr}, output.data<T>());
    });
    const bool residual_learns = residual.defined() && tape.needs_gradient(residual);
    if (!tape.needs_gradient(input, weight, bias) && !residual_learns) return output;

    const Tensor saved = output;  // without the gradient slot, which holds it
    tape.record(output, [=](const Tensor& output_gradient) {
        dispatch(input.dtype(), [&]<class T>() {
            const auto data_or_null = [](const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; };
            contribute_gradient(input, [&](const Tensor& target, const Tensor& rectified,
                                           const Tensor& added) {
                on(device, kernels::cpu::conv2d_backward_input<T>, kernels::cuda::conv2d_backward_input<T>)(
                    shape, output_gradient.data<T>(), scale, weight.data<T>(), data_or_null(rectified),
                    data_or_null(added), target.data<T>());
            });
            // Weight and bias in one pass where both learn.
            const Tensor bias_gradient = bias.requires_gradient() ? Tensor::empty_like(bias) : Tensor();
            T* const bias_target = bias_gradient.defined() ? bias_gradient.data<T>() : nullptr;
            contribute_gradient(weight, [&](const Tensor& target) {
                on(device, kernels::cpu::conv2d_backward_weight<T>, kernels::cuda::conv2d_backward_weight<T>)(
                    shape, input.data<T>(), output_gradient.data<T>(), scale, target.data<T>(), bias_target);
            });
            if (bias_target && !weight.requires_gradient())
                on(device, kernels::cpu::conv2d_backward_bias<T>, kernels::cuda::conv2d_backward_bias<T>)(
                    shape, output_gradient.data<T>(), scale, bias_target);
            contribute_gradient(bias, [&](Tensor target) { target.copy_from(bias_gradient); });
        });
        if (residual_learns) pass_gradient_on(residual, output_gradient);
    });
    if (fusion.activation == Activation::relu) output.gradient_slot()->rectified = saved;
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

Tensor Conv2d::add_to(Tape& tape, const Tensor& residual, double scale, const Tensor& input) const {
    require(options_.activation == Activation::none,
            "[conv2d] add_to() is for convolutions without activation");
    return conv2d(tape, input, (*store_)[weight_], (*store_)[bias_], {scale, residual});
}

}  // namespace dnsp
