// One pass of a convolution. Parameters: pass ("forward", "backward_input", "backward_weight"), batch,
// height, width, in, out, kernel. Images are bfloat16 where the engine stores activations as bfloat16.
#include "benchmarks/rows/row.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp::benchmarks {
namespace {

using kernels::bfloat16;

Tensor as_bfloat16(const Tensor& values) {
    Tensor narrow = Tensor::empty(values.shape(), DType::bfloat16, values.device());
    DNSP_KERNEL_FOR(values.device(), convert<float, bfloat16>)
    (values.elements(), values.data<float>(), narrow.data<bfloat16>());
    return narrow;
}
Tensor as_float(const Tensor& values) {
    if (values.dtype() == DType::float32) return values;
    Tensor wide = Tensor::empty(values.shape(), DType::float32, values.device());
    DNSP_KERNEL_FOR(values.device(), convert<bfloat16, float>)
    (values.elements(), values.data<bfloat16>(), wide.data<float>());
    return wide;
}

class Convolution : public Row {
  public:
    Convolution(const Parameters& p, Device device)
        : pass_(p.at("pass").get<std::string>()),
          shape_{p.value("batch", 64), p.value("height", 40), p.value("width", 40), p.value("in", 256),
                 p.value("out", 256),  p.value("kernel", 3),  p.value("kernel", 3)},
          input_(random_tensor({shape_.batch, shape_.height, shape_.width, shape_.in_channels}, 1, 1)),
          weight_(random_tensor(
              {shape_.out_channels, shape_.kernel_height, shape_.kernel_width, shape_.in_channels}, 0.05, 2)),
          bias_(random_tensor({shape_.out_channels}, 0.05, 3)),
          output_gradient_(
              random_tensor({shape_.batch, shape_.height, shape_.width, shape_.out_channels}, 1, 4)),
          on_device_{input_.to(device), weight_.to(device), bias_.to(device), output_gradient_.to(device)} {
        const auto stores_bfloat16 = device.kind == DeviceKind::cuda ? kernels::cuda::conv2d_stores_bfloat16
                                                                     : kernels::cpu::conv2d_stores_bfloat16;
        if (stores_bfloat16(shape_.in_channels, shape_.out_channels)) {
            on_device_.input = as_bfloat16(on_device_.input);
            on_device_.output_gradient = as_bfloat16(on_device_.output_gradient);
        }
        const std::map<std::string, Tensor> like{{"forward", on_device_.output_gradient},
                                                 {"backward_input", on_device_.input},
                                                 {"backward_weight", on_device_.weight}};
        require(like.contains(pass_), "[benchmark] unknown pass: " + pass_);
        result_ = Tensor::empty_like(like.at(pass_));
        bias_gradient_ = Tensor::empty_like(on_device_.bias);
    }

    TensorFile inputs() const override {
        return {
            {{"input", input_}, {"weight", weight_}, {"bias", bias_}, {"output_gradient", output_gradient_}},
            {}};
    }
    void run() override {
        if (on_device_.input.dtype() == DType::bfloat16)
            run_between<bfloat16>();
        else
            run_between<float>();
    }
    TensorFile results() const override { return {{{"result", as_float(result_).to({})}}, {}}; }
    Cost cost() const override {
        const auto count = [](std::int64_t n) { return static_cast<double>(n); };
        const double pixels = count(shape_.pixels()), weights = count(shape_.weight_elements());
        const double image_bytes = count(static_cast<std::int64_t>(size_of(on_device_.input.dtype())));
        return {2 * pixels * weights,
                image_bytes * pixels * count(shape_.in_channels + shape_.out_channels) + 4 * weights};
    }

  private:
    /// The pass between images of type T.
    template <class T>
    void run_between() {
        const auto& [input, weight, bias, gradient] = on_device_;
        const Device device = input.device();
        if (pass_ == "forward") DNSP_KERNEL_FOR(device, conv2d_forward<T, T>)
        (shape_, kernels::Conv2dForward<T>{.input = input.data<T>(),
                                           .weight = weight.data<float>(),
                                           .bias = bias.data<float>(),
                                           .output = result_.data<T>()});
        else if (pass_ == "backward_input") DNSP_KERNEL_FOR(device, conv2d_backward_input<T, T>)(
            shape_, kernels::Conv2dBackwardInput<T>{.output_gradient = gradient.data<T>(),
                                                    .weight = weight.data<float>(),
                                                    .input_gradient = result_.data<T>()});
        else DNSP_KERNEL_FOR(device, conv2d_backward_weight<T, T>)(
            shape_, kernels::Conv2dBackwardWeight<T>{.input = input.data<T>(),
                                                     .output_gradient = gradient.data<T>(),
                                                     .weight_gradient = result_.data<float>(),
                                                     .bias_gradient = bias_gradient_.data<float>()});
    }

    struct Arrays {
        Tensor input, weight, bias, output_gradient;
    };
    std::string pass_;
    kernels::Conv2dShape shape_;
    Tensor input_, weight_, bias_, output_gradient_;
    Arrays on_device_;
    Tensor result_, bias_gradient_;
};

const RowRegistration registration{"convolution", [](const Parameters& p, Device device) {
                                       return std::make_unique<Convolution>(p, device);
                                   }};

}  // namespace
}  // namespace dnsp::benchmarks
