// One pass of a convolution. Parameters: pass ("forward", "backward_input", "backward_weight"), batch,
// height, width, in, out, kernel.
#include "benchmarks/rows/row.hpp"
#include "engine/on_device.hpp"
#include "kernels/conv2d.hpp"

namespace dnsp::benchmarks {
namespace {

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
        using namespace kernels;
        const auto& [input, weight, bias, gradient] = on_device_;
        const Device device = input.device();
        if (pass_ == "forward")
            on(device, cpu::conv2d_forward<float>, cuda::conv2d_forward<float>)(
                shape_, input.data<float>(), weight.data<float>(), bias.data<float>(), {},
                result_.data<float>());
        else if (pass_ == "backward_input")
            on(device, cpu::conv2d_backward_input<float>, cuda::conv2d_backward_input<float>)(
                shape_, gradient.data<float>(), 1.0, weight.data<float>(), nullptr, nullptr,
                result_.data<float>());
        else
            on(device, cpu::conv2d_backward_weight<float>, cuda::conv2d_backward_weight<float>)(
                shape_, input.data<float>(), gradient.data<float>(), 1.0, result_.data<float>(),
                bias_gradient_.data<float>());
    }
    TensorFile results() const override { return {{{"result", result_.to({})}}, {}}; }
    Cost cost() const override {
        const auto count = [](std::int64_t n) { return static_cast<double>(n); };
        const double pixels = count(shape_.pixels()), weights = count(shape_.weight_elements());
        return {2 * pixels * weights,
                4 * (pixels * count(shape_.in_channels + shape_.out_channels) + weights)};
    }

  private:
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
