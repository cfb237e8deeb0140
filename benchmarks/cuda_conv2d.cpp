// The convolutions of SRCNN and of EDSR (64 and 256 channels) for a training batch on the CUDA device: ours,
// cuDNN's and cuBLAS's, in every precision that they know.
#include "benchmarks/cuda_timing.hpp"
#include "kernels/conv2d.hpp"

namespace {

using namespace dnsp;
using kernels::Activation, kernels::Conv2dBackend, kernels::Conv2dOptions, kernels::Conv2dPrecision,
    kernels::Conv2dShape;

struct Arrays {
    benchmarks::DeviceValues input, weight, bias, output;
    explicit Arrays(const Conv2dShape& s)
        : input(s.input_elements(), 1),
          weight(s.weight_elements(), 2),
          bias(s.out_channels, 3),
          output(s.output_elements(), 4) {}
};

using Pass = void (*)(const Conv2dShape&, const Arrays&);

void forward(const Conv2dShape& s, const Arrays& a) {
    kernels::cuda::conv2d_forward<float>(s, a.input.data(), a.weight.data(), a.bias.data(),
                                         {Activation::relu, 1.0, nullptr}, a.output.data());
}
void backward_input(const Conv2dShape& s, const Arrays& a) {
    kernels::cuda::conv2d_backward_input<float>(s, a.output.data(), 1.0, a.weight.data(), nullptr, nullptr,
                                                a.input.data());
}
void backward_weight(const Conv2dShape& s, const Arrays& a) {
    kernels::cuda::conv2d_backward_weight<float>(s, a.input.data(), a.output.data(), 1.0, a.weight.data(),
                                                 nullptr);
}
void backward_bias(const Conv2dShape& s, const Arrays& a) {
    kernels::cuda::conv2d_backward_bias<float>(s, a.output.data(), 1.0, a.bias.data());
}

void run(benchmark::State& state, const Conv2dShape& s, Pass pass, const Conv2dOptions& options) {
    try {
        kernels::cuda::set_conv2d_options(options);
    } catch (const Error& error) {
        return state.SkipWithError(error.what());
    }
    const Arrays arrays(s);
    const double images = static_cast<double>(s.input_elements() + s.output_elements()),
                 pixels = static_cast<double>(s.pixels()), weights = static_cast<double>(s.weight_elements());
    const benchmarks::Cost cost =
        pass == backward_bias ? benchmarks::Cost{sizeof(float) * static_cast<double>(s.output_elements()), 0}
                              : benchmarks::Cost{sizeof(float) * (images + weights), 2 * pixels * weights};
    benchmarks::time_on_device(state, cost, [&] { pass(s, arrays); });
    kernels::cuda::set_conv2d_options({});
}

const bool registered = [] {
    if (!benchmarks::has_cuda_device()) return false;
    const std::pair<const char*, Conv2dShape> shapes[] = {
        {"srcnn_9x9_1_64_batch64", {64, 40, 40, 1, 64, 9, 9}},
        {"srcnn_1x1_64_32_batch64", {64, 40, 40, 64, 32, 1, 1}},
        {"srcnn_5x5_32_1_batch64", {64, 40, 40, 32, 1, 5, 5}},
        {"edsr_3x3_64_64_batch64", {64, 40, 40, 64, 64, 3, 3}},
        {"edsr_3x3_256_256_batch16", {16, 40, 40, 256, 256, 3, 3}},
    };
    const std::pair<const char*, Conv2dOptions> ways[] = {
        {"ours_float32", {Conv2dBackend::ours, Conv2dPrecision::float32}},
        {"ours_tf32", {Conv2dBackend::ours, Conv2dPrecision::tf32}},
        {"ours_bfloat16", {Conv2dBackend::ours, Conv2dPrecision::bfloat16}},
        {"cudnn_float32", {Conv2dBackend::cudnn, Conv2dPrecision::float32}},
        {"cudnn_tf32", {Conv2dBackend::cudnn, Conv2dPrecision::tf32}},
        {"cublas_float32", {Conv2dBackend::cublas, Conv2dPrecision::float32}},
    };
    for (const auto& [name, shape] : shapes) {
        const auto add = [&, &s = shape, &name = name](const std::string& what, Pass pass,
                                                       const Conv2dOptions& options) {
            benchmarks::register_on_device(
                std::string("conv2d/") + name + "/" + what,
                [s, pass, options](benchmark::State& state) { run(state, s, pass, options); });
        };
        for (const auto& [way, options] : ways) {
            const bool for_tensor_cores = shape.in_channels % 8 == 0 && shape.out_channels % 8 == 0;
            const bool ours = options.backend == Conv2dBackend::ours;
            if (ours && options.precision != Conv2dPrecision::float32 && !for_tensor_cores) continue;
            add(std::string("forward/") + way, forward, options);
            add(std::string("backward_input/") + way, backward_input, options);
            add(std::string("backward_weight/") + way, backward_weight, options);
        }
        add("backward_bias/ours_float32", backward_bias, {});
    }
    return true;
}();

}  // namespace
