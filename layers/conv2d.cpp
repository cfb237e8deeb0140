#include "layers/conv2d.hpp"

#include <algorithm>

#include "engine/export_graph.hpp"
#include "engine/kernel_for.hpp"

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
    require(weight.dtype() == bias.dtype(), "[conv2d] weight and bias must have one dtype");
    require(x.elements() > 0 && w.elements() > 0,
            "[conv2d] expects at least one pixel, channel and tap, got input " + x.text() + " and weight " +
                w.text());
    return {x[0], x[1], x[2], x[3], w[0], w[1], w[2]};
}

using kernels::bfloat16, kernels::Conv2dBackwardInput, kernels::Conv2dBackwardWeight, kernels::Conv2dForward,
    kernels::Conv2dWeight;

/// Calls body.operator()<In, Out>().
template <class Body>
void with_types(DType in, DType out, Body&& body) {
    if (in == DType::bfloat16)
        out == DType::bfloat16 ? body.template operator()<bfloat16, bfloat16>()
                               : body.template operator()<bfloat16, float>();
    else if (out == DType::bfloat16)
        body.template operator()<float, bfloat16>();
    else
        dispatch(in, [&]<class T>() { body.template operator()<T, T>(); });
}

template <class T>
T* data_or_null(const Tensor& tensor) {
    return tensor.defined() ? tensor.data<T>() : nullptr;
}

void add_nodes(ExportGraph& graph, const kernels::Conv2dShape& shape, const Tensor& input,
               const Tensor& weight, const Tensor& bias, const Conv2dFusion& fusion, const Tensor& output) {
    const std::int64_t y = shape.kernel_height / 2, x = shape.kernel_width / 2;
    std::string value =
        graph.node("Conv", {graph.image(input), graph.parameter(weight), graph.parameter(bias)},
                   {{"kernel_shape", std::vector{shape.kernel_height, shape.kernel_width}},
                    {"pads", std::vector{y, x, y, x}}});
    if (fusion.scale != 1.0) value = graph.node("Mul", {value, graph.scalar(fusion.scale)});
    if (fusion.residual.defined()) value = graph.node("Add", {graph.image(fusion.residual), value});
    if (fusion.activation == Activation::relu) value = graph.node("Relu", {value});
    graph.bind(output, value);
}

}  // namespace

Tensor conv2d(Tape& tape, const Tensor& input, const Tensor& weight, const Tensor& bias,
              const Conv2dFusion& fusion) {
    if (!bias.defined()) {
        require_one_device("conv2d", input, weight);
        return conv2d(tape, input, weight,
                      Tensor::zeros({weight.shape()[0]}, weight.dtype(), weight.device()), fusion);
    }
    const kernels::Conv2dShape shape = check_shapes(input, weight, bias);
    require_one_device("conv2d", input, weight, bias);
    const Device device = input.device();
    const double scale = fusion.scale;
    const Tensor residual = fusion.residual;
    const DType stored = fusion.store_bfloat16 ? DType::bfloat16 : weight.dtype();
    require(input.dtype() == weight.dtype() || input.dtype() == DType::bfloat16,
            "[conv2d] input and weight must have one dtype");
    require(
        (input.dtype() != DType::bfloat16 && stored != DType::bfloat16) || weight.dtype() == DType::float32,
        "[conv2d] bfloat16 images are for float32 weights");
    Tensor output =
        Tensor::empty({shape.batch, shape.height, shape.width, shape.out_channels}, stored, device);
    if (residual.defined()) {
        require_one_device("conv2d", input, residual);
        require(residual.shape() == output.shape() && residual.dtype() == output.dtype(),
                "[conv2d] residual expects " + to_string(output.dtype()) + " " + output.shape().text() +
                    ", got " + to_string(residual.dtype()) + " " + residual.shape().text());
    }
    with_types(input.dtype(), stored, [&]<class In, class Out>() {
        using Weight = Conv2dWeight<In, Out>;
        DNSP_KERNEL_FOR(device, conv2d_forward<In, Out>)
        (shape, Conv2dForward<In, Out>{.input = input.data<In>(),
                                       .weight = weight.data<Weight>(),
                                       .bias = bias.data<Weight>(),
                                       .epilogue = {fusion.activation, scale, data_or_null<Out>(residual)},
                                       .output = output.data<Out>()});
    });
    if (tape.graph()) add_nodes(*tape.graph(), shape, input, weight, bias, fusion, output);
    const bool residual_learns = residual.defined() && tape.needs_gradient(residual);
    if (!tape.needs_gradient(input, weight, bias) && !residual_learns) return output;

    const Tensor saved = output;  // a copy without gradient slot: the slot holds this tensor
    tape.record(output, [=](const Tensor& output_gradient) {
        with_types(input.dtype(), stored, [&]<class In, class Out>() {
            using Weight = Conv2dWeight<In, Out>;
            const Out* gradient = output_gradient.data<Out>();
            accumulate_gradient(
                input, [&](const Tensor& target, const Tensor& relu_output, const Tensor& accumulate) {
                    DNSP_KERNEL_FOR(device, conv2d_backward_input<In, Out>)
                    (shape, Conv2dBackwardInput<In, Out>{.output_gradient = gradient,
                                                         .scale = scale,
                                                         .weight = weight.data<Weight>(),
                                                         .relu_output = data_or_null<In>(relu_output),
                                                         .accumulate = data_or_null<In>(accumulate),
                                                         .input_gradient = target.data<In>()});
                });
            // One pass computes the gradients of weight and bias if both require one.
            const auto backward_weight = [&](Weight* bias_gradient) {
                accumulate_gradient(weight, [&](const Tensor& target) {
                    DNSP_KERNEL_FOR(device, conv2d_backward_weight<In, Out>)
                    (shape, Conv2dBackwardWeight<In, Out>{.input = input.data<In>(),
                                                          .output_gradient = gradient,
                                                          .scale = scale,
                                                          .weight_gradient = target.data<Weight>(),
                                                          .bias_gradient = bias_gradient});
                });
            };
            if (!bias.requires_gradient()) return backward_weight(nullptr);
            accumulate_gradient(bias, [&](const Tensor& target) {
                if (weight.requires_gradient()) return backward_weight(target.data<Weight>());
                DNSP_KERNEL_FOR(device, conv2d_backward_bias<Out>)
                (shape, gradient, scale, target.data<Weight>());
            });
        });
        if (residual_learns) forward_gradient(residual, output_gradient);
    });
    if (fusion.activation == Activation::relu) output.gradient_slot()->relu_output = saved;
    return output;
}

Conv2d::Conv2d(ParameterStore& store, const std::string& name, const Options& o)
    : store_(&store), options_(o) {
    const auto uniform = Initialiser::he_uniform(o.in_channels * o.kernel * o.kernel);
    const auto weight_start = o.start_at_zero ? Initialiser::zeros() : o.initialiser.value_or(uniform);
    const auto bias_start = o.start_at_zero || o.initialiser ? Initialiser::zeros() : uniform;
    weight_ = store.add(name + ".weight", {o.out_channels, o.kernel, o.kernel, o.in_channels},
                        ParameterGroup::network, weight_start);
    if (o.bias) bias_ = store.add(name + ".bias", {o.out_channels}, ParameterGroup::network, bias_start);
}

Tensor Conv2d::apply(Tape& tape, const Tensor& input, Conv2dFusion fusion) const {
    // The first layer has too few input channels for a bfloat16 kernel, but the layers that read its output
    // do not.
    const std::int64_t in_channels = std::max(options_.in_channels, options_.out_channels);
    const auto stores_bfloat16 = input.device().kind == DeviceKind::cuda
                                     ? kernels::cuda::conv2d_stores_bfloat16
                                     : kernels::cpu::conv2d_stores_bfloat16;
    fusion.store_bfloat16 = options_.bfloat16_output_allowed &&
                            (*store_)[weight_].dtype() == DType::float32 &&
                            stores_bfloat16(in_channels, options_.out_channels);
    return conv2d(tape, input, (*store_)[weight_], options_.bias ? (*store_)[bias_] : Tensor(), fusion);
}

Tensor Conv2d::operator()(Tape& tape, const Tensor& input) const {
    return apply(tape, input, {.activation = options_.activation});
}

Tensor Conv2d::then(Tape& tape, const Conv2d& next, const Tensor& input) const {
    const auto one_after_the_other = [&] { return next(tape, (*this)(tape, input)); };
    if (tape.recording() || tape.graph() || !options_.bias || !next.options_.bias)
        return one_after_the_other();
    const Tensor &weight = (*store_)[weight_], &bias = (*store_)[bias_],
                 &next_weight = (*next.store_)[next.weight_], &next_bias = (*next.store_)[next.bias_];
    for (const Tensor& tensor : {input, weight, next_weight})
        if (tensor.device().kind != DeviceKind::cpu || tensor.dtype() != DType::float32)
            return one_after_the_other();
    const kernels::Conv2dShape shape = check_shapes(input, weight, bias);
    kernels::Conv2dShape next_shape = shape;
    next_shape.in_channels = next_weight.shape()[3];
    next_shape.out_channels = next_weight.shape()[0];
    next_shape.kernel_height = next_weight.shape()[1];
    next_shape.kernel_width = next_weight.shape()[2];
    if (next_shape.in_channels != shape.out_channels ||
        !kernels::cpu::conv2d_chain_supports(shape, next_shape))
        return one_after_the_other();
    Tensor output =
        Tensor::empty({shape.batch, shape.height, shape.width, next_shape.out_channels}, DType::float32);
    kernels::cpu::conv2d_chain_forward(shape,
                                       {.input = input.data<float>(),
                                        .weight = weight.data<float>(),
                                        .bias = bias.data<float>(),
                                        .epilogue = {.activation = options_.activation},
                                        .output = nullptr},
                                       next_shape,
                                       {.input = nullptr,
                                        .weight = next_weight.data<float>(),
                                        .bias = next_bias.data<float>(),
                                        .epilogue = {.activation = next.options_.activation},
                                        .output = output.data<float>()});
    return output;
}

Tensor Conv2d::add_to(Tape& tape, const Tensor& residual, double scale, const Tensor& input) const {
    require(options_.activation == Activation::none,
            "[conv2d] add_to() is for convolutions without activation");
    return apply(tape, input, {.scale = scale, .residual = residual});
}

}  // namespace dnsp
