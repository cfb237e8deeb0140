// Convolutions of SRCNN and EDSR (64 and 256 channels) for a training batch on the CUDA device, by native
// kernels, cuDNN and cuBLAS, in all supported precisions. Images are float, or bfloat16 in
// "ours_stored_bfloat16", as between the layers of a network trained in bfloat16.
#include <type_traits>

#include "benchmarks/cuda_timing.hpp"
#include "kernels/conv2d/conv2d.hpp"

namespace {

using namespace dnsp;
using kernels::Activation, kernels::bfloat16, kernels::Conv2dBackend, kernels::Conv2dOptions,
    kernels::Conv2dPrecision, kernels::Conv2dShape;

/// Random numbers of type T.
template <class T>
struct Images : simt::Workspace<T> {
    Images(std::int64_t count, std::uint64_t stream) : simt::Workspace<T>(count) {
        const benchmarks::DeviceValues values(count, stream);
        kernels::cuda::convert(count, static_cast<const float*>(values.data()), this->data());
    }
};
template <>
struct Images<float> : benchmarks::DeviceValues {
    using DeviceValues::DeviceValues;
};

enum class Pass { forward, backward_input, backward_weight, backward_bias };

/// A convolution between images of type T.
template <class T>
class Convolution {
  public:
    explicit Convolution(const Conv2dShape& s)
        : shape_(s),
          input_(s.input_elements(), 1),
          output_(s.output_elements(), 4),
          weight_(s.weight_elements(), 2),
          bias_(s.out_channels, 3) {}

    void run(Pass pass) const {
        using namespace kernels;
        switch (pass) {
            case Pass::forward:
                return cuda::conv2d_forward<T>(shape_, {.input = input_.data(),
                                                        .weight = weight_.data(),
                                                        .bias = bias_.data(),
                                                        .epilogue = {.activation = Activation::relu},
                                                        .output = output_.data()});
            case Pass::backward_input:
                return cuda::conv2d_backward_input<T>(shape_, {.output_gradient = output_.data(),
                                                               .weight = weight_.data(),
                                                               .input_gradient = input_.data()});
            case Pass::backward_weight:
                return cuda::conv2d_backward_weight<T>(shape_, {.input = input_.data(),
                                                                .output_gradient = output_.data(),
                                                                .weight_gradient = weight_.data()});
            case Pass::backward_bias:
                return cuda::conv2d_backward_bias<T>(shape_, output_.data(), 1.0, bias_.data());
        }
    }
    benchmarks::Cost cost(Pass pass) const {
        const auto inputs = static_cast<double>(shape_.input_elements()),
                   outputs = static_cast<double>(shape_.output_elements()),
                   weights = static_cast<double>(shape_.weight_elements());
        if (pass == Pass::backward_bias) return {.bytes = sizeof(T) * outputs};
        return {.flops = 2 * static_cast<double>(shape_.pixels()) * weights,
                .bytes = sizeof(T) * (inputs + outputs) + sizeof(float) * weights};
    }

  private:
    Conv2dShape shape_;
    Images<T> input_, output_;
    benchmarks::DeviceValues weight_, bias_;
};

/// Sets a process setting for the lifetime of the object.
struct Options {
    explicit Options(const Conv2dOptions& options) { kernels::cuda::set_conv2d_options(options); }
    ~Options() { kernels::cuda::set_conv2d_options({}); }
    Options(const Options&) = delete;
    Options& operator=(const Options&) = delete;
};

template <class T>
void run(benchmark::State& state, const Conv2dShape& s, Pass pass, const Conv2dOptions& chosen) {
    try {
        const Options options(chosen);
        if (std::is_same_v<T, bfloat16> &&
            !kernels::cuda::conv2d_stores_bfloat16(s.in_channels, s.out_channels))
            return state.SkipWithError("no kernel for these channels or this device");
        const Convolution<T> convolution(s);
        benchmarks::time_on_device(state, convolution.cost(pass), [&] { convolution.run(pass); });
    } catch (const Error& error) {
        state.SkipWithError(error.what());
    }
}

const bool registered = [] {
    if (!benchmarks::has_cuda_device()) return false;
    const std::pair<const char*, Conv2dShape> shapes[] = {
        {"srcnn_9x9_1_64_batch64", {64, 40, 40, 1, 64, 9, 9}},
        {"srcnn_1x1_64_32_batch64", {64, 40, 40, 64, 32, 1, 1}},
        {"srcnn_5x5_32_1_batch64", {64, 40, 40, 32, 1, 5, 5}},
        {"edsr_3x3_64_64_batch64", {64, 40, 40, 64, 64, 3, 3}},
        {"edsr_3x3_256_256_batch64", {64, 40, 40, 256, 256, 3, 3}},
    };
    constexpr Conv2dOptions bfloat16_products{Conv2dBackend::native, Conv2dPrecision::bfloat16};
    const std::pair<const char*, Conv2dOptions> ways[] = {
        {"native_float32", {Conv2dBackend::native, Conv2dPrecision::float32}},
        {"native_tf32", {Conv2dBackend::native, Conv2dPrecision::tf32}},
        {"native_bfloat16", bfloat16_products},
        {"cudnn_float32", {Conv2dBackend::cudnn, Conv2dPrecision::float32}},
        {"cudnn_tf32", {Conv2dBackend::cudnn, Conv2dPrecision::tf32}},
        {"cublas_float32", {Conv2dBackend::cublas, Conv2dPrecision::float32}},
    };
    const std::pair<const char*, Pass> passes[] = {{"forward/", Pass::forward},
                                                   {"backward_input/", Pass::backward_input},
                                                   {"backward_weight/", Pass::backward_weight}};
    for (const auto& [name, shape] : shapes) {
        const auto add = [&, &s = shape, &name = name](const std::string& what, auto run_it, Pass pass,
                                                       const Conv2dOptions& options) {
            benchmarks::register_on_device(
                std::string("conv2d/") + name + "/" + what,
                [s, run_it, pass, options](benchmark::State& state) { run_it(state, s, pass, options); });
        };
        const bool for_tensor_cores = shape.in_channels % 8 == 0 && shape.out_channels % 8 == 0;
        const bool for_wgmma = shape.in_channels % 64 == 0 && shape.out_channels % 64 == 0;
        for (const auto& [pass_name, pass] : passes) {
            for (const auto& [way, options] : ways) {
                const bool ours = options.backend == Conv2dBackend::native;
                if (ours && options.precision != Conv2dPrecision::float32 && !for_tensor_cores) continue;
                add(std::string(pass_name) + way, run<float>, pass, options);
            }
            if (for_wgmma)
                add(std::string(pass_name) + "ours_stored_bfloat16", run<bfloat16>, pass, bfloat16_products);
        }
        add("backward_bias/native_float32", run<float>, Pass::backward_bias, {});
        if (for_wgmma)
            add("backward_bias/ours_stored_bfloat16", run<bfloat16>, Pass::backward_bias, bfloat16_products);
    }
    return true;
}();

}  // namespace
