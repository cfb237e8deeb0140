#include "layers/batch_norm.hpp"

#include "engine/export_graph.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/batch_norm.hpp"

namespace dnsp {
namespace {

void check_shapes(const Tensor& input, const BatchNormParameters& p) {
    require_one_device("batch_norm", input, p.gamma, p.beta, p.running_mean, p.running_variance);
    const Shape& x = input.shape();
    require(x.rank() == 4 && x.elements() > 0,
            "[batch_norm] expects [batch, height, width, channels], got " + x.text());
    for (const Tensor* tensor : {&p.gamma, &p.beta, &p.running_mean, &p.running_variance})
        require(tensor->shape() == Shape{x[3]} && tensor->dtype() == input.dtype(),
                "[batch_norm] expects parameters " + to_string(input.dtype()) + " " + Shape{x[3]}.text() +
                    ", got " + to_string(tensor->dtype()) + " " + tensor->shape().text());
}

}  // namespace

Tensor batch_norm(Tape& tape, const Tensor& input, const BatchNormParameters& p) {
    check_shapes(input, p);
    const Device device = input.device();
    const std::int64_t channels = input.shape()[3];
    const kernels::BatchNormShape shape{.pixels = input.elements() / channels, .channels = channels};
    Tensor output = Tensor::empty_like(input);
    if (!tape.recording()) {
        dispatch(input.dtype(), [&]<class T>() {
            DNSP_KERNEL_FOR(device, batch_norm_inference<T>)
            (shape, input.data<T>(), p.running_mean.data<T>(), p.running_variance.data<T>(),
             p.gamma.data<T>(), p.beta.data<T>(), output.data<T>());
        });
        if (ExportGraph* graph = tape.graph())
            graph->bind(output,
                        graph->node("BatchNormalization",
                                    {graph->image(input), graph->parameter(p.gamma), graph->parameter(p.beta),
                                     graph->parameter(p.running_mean), graph->parameter(p.running_variance)},
                                    {{"epsilon", shape.epsilon}}));
        return output;
    }
    const Tensor mean = Tensor::empty({channels}, DType::float64, device),
                 inverse_deviation = Tensor::empty({channels}, DType::float64, device);
    dispatch(input.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(device, batch_norm_statistics<T>)
        (shape, input.data<T>(), mean.data<double>(), inverse_deviation.data<double>(),
         p.running_mean.data<T>(), p.running_variance.data<T>());
        DNSP_KERNEL_FOR(device, batch_norm_forward<T>)
        (shape, input.data<T>(), mean.data<double>(), inverse_deviation.data<double>(), p.gamma.data<T>(),
         p.beta.data<T>(), output.data<T>());
    });
    if (!tape.needs_gradient(input, p.gamma, p.beta)) return output;
    tape.record(output, [=, gamma = p.gamma, beta = p.beta](const Tensor& output_gradient) {
        const Tensor sums = Tensor::empty({2, channels}, DType::float64, device);
        const Tensor gamma_gradient = Tensor::empty_like(gamma), beta_gradient = Tensor::empty_like(beta);
        dispatch(input.dtype(), [&]<class T>() {
            const T* dy = output_gradient.data<T>();
            DNSP_KERNEL_FOR(device, batch_norm_backward_parameters<T>)
            (shape, input.data<T>(), mean.data<double>(), inverse_deviation.data<double>(), dy,
             sums.data<double>(), gamma_gradient.data<T>(), beta_gradient.data<T>());
            accumulate_gradient(
                input, [&](const Tensor& target, const Tensor& relu_output, const Tensor& accumulated) {
                    DNSP_KERNEL_FOR(device, batch_norm_backward_input<T>)
                    (shape, input.data<T>(), mean.data<double>(), inverse_deviation.data<double>(),
                     gamma.data<T>(), sums.data<double>(), dy,
                     accumulated.defined() ? accumulated.data<T>() : nullptr, target.data<T>());
                    if (relu_output.defined()) mask_gradient(target, relu_output);
                });
        });
        forward_gradient(gamma, gamma_gradient);
        forward_gradient(beta, beta_gradient);
    });
    return output;
}

BatchNorm::BatchNorm(ParameterStore& store, const std::string& name, std::int64_t channels)
    : store_(&store),
      gamma_(store.add(name + ".gamma", {channels}, ParameterGroup::network, Initialiser::constant(1.0))),
      beta_(store.add(name + ".beta", {channels}, ParameterGroup::network, Initialiser::zeros())),
      running_mean_(
          store.add(name + ".running_mean", {channels}, ParameterGroup::buffers, Initialiser::zeros())),
      running_variance_(store.add(name + ".running_var", {channels}, ParameterGroup::buffers,
                                  Initialiser::constant(1.0))) {}

Tensor BatchNorm::operator()(Tape& tape, const Tensor& input) const {
    const ParameterStore& store = *store_;
    return batch_norm(tape, input,
                      {store[gamma_], store[beta_], store[running_mean_], store[running_variance_]});
}

}  // namespace dnsp
