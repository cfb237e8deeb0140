#include "kernels/conv2d/cuda/cudnn.hpp"

#include <cudnn.h>

#include <array>
#include <limits>
#include <map>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/device/dynamic_library.hpp"
#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "base/workspace.hpp"
#include "kernels/conv2d/cuda/partial_sums.hpp"
#include "kernels/copy_rows.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

simt::DynamicLibrary& cudnn() {
    static simt::DynamicLibrary library("cuDNN", {"libcudnn.so.9"});
    return library;
}

#define DNSP_CUDNN(name) cudnn().function<decltype(name)>(#name)
/// Calls a cuDNN function. Throws Error with cuDNN's message if it fails.
#define DNSP_CUDNN_CALL(name, ...)                     \
    do {                                               \
        static const auto function = DNSP_CUDNN(name); \
        check(function(__VA_ARGS__), #name);           \
    } while (false)

void check(cudnnStatus_t status, const char* function) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    std::array<char, 512> details{};
    DNSP_CUDNN(cudnnGetLastErrorString)(details.data(), details.size());
    throw Error(std::string("[conv2d] cuDNN: ") + function + " failed: " +
                DNSP_CUDNN(cudnnGetErrorString)(status) + (details[0] ? ", " : "") + details.data());
}

template <class Descriptor>
using Owned = std::unique_ptr<std::remove_pointer_t<Descriptor>, cudnnStatus_t (*)(Descriptor)>;
#define DNSP_CUDNN_CREATE(name)                                              \
    [] {                                                                     \
        cudnn##name##_t made = nullptr;                                      \
        DNSP_CUDNN_CALL(cudnnCreate##name, &made);                           \
        return Owned<cudnn##name##_t>(made, DNSP_CUDNN(cudnnDestroy##name)); \
    }()

int extent(std::int64_t value) {
    require(value <= std::numeric_limits<int>::max(), "[conv2d] cuDNN: the image is too large");
    return static_cast<int>(value);
}

/// The cuDNN descriptors of a convolution.
struct Convolution {
    Owned<cudnnTensorDescriptor_t> input = DNSP_CUDNN_CREATE(TensorDescriptor),
                                   output = DNSP_CUDNN_CREATE(TensorDescriptor);
    Owned<cudnnFilterDescriptor_t> weight = DNSP_CUDNN_CREATE(FilterDescriptor);
    Owned<cudnnConvolutionDescriptor_t> how = DNSP_CUDNN_CREATE(ConvolutionDescriptor);

    Convolution(const Conv2dShape& s, Conv2dPrecision precision) {
        const auto image = [&](const auto& descriptor, std::int64_t channels) {
            DNSP_CUDNN_CALL(cudnnSetTensor4dDescriptor, descriptor.get(), CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT,
                            extent(s.batch), extent(channels), extent(s.height), extent(s.width));
        };
        image(input, s.in_channels);
        image(output, s.out_channels);
        DNSP_CUDNN_CALL(cudnnSetFilter4dDescriptor, weight.get(), CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC,
                        extent(s.out_channels), extent(s.in_channels), extent(s.kernel_height),
                        extent(s.kernel_width));
        DNSP_CUDNN_CALL(cudnnSetConvolution2dDescriptor, how.get(), extent(s.kernel_height / 2),
                        extent(s.kernel_width / 2), 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
        // For float arrays the default permits tf32; CUDNN_TENSOR_OP_MATH does not round operands.
        allow(precision == Conv2dPrecision::float32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH);
    }
    void allow(cudnnMathType_t math) { DNSP_CUDNN_CALL(cudnnSetConvolutionMathType, how.get(), math); }
};

template <class Algorithm>
struct Plan {
    Convolution convolution;
    Algorithm algorithm;
    std::size_t workspace_bytes = 0;
};

/// `estimate` lists cuDNN's algorithms, the fastest first. `measure` returns the workspace size of one.
template <class Performance, class Estimate, class Measure>
Plan<decltype(Performance::algo)> make_plan(const Conv2dShape& s, Estimate&& estimate, Measure&& measure) {
    const Conv2dPrecision precision = conv2d_options().precision;
    constexpr std::size_t max_workspace_bytes = std::size_t{1} << 30;
    Plan<decltype(Performance::algo)> plan{Convolution(s, precision), {}};
    std::array<Performance, 16> found;
    int count = 0;
    estimate(plan.convolution, static_cast<int>(found.size()), &count, found.data());
    for (int i = 0; i < count; ++i) {
        if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].determinism != CUDNN_DETERMINISTIC) continue;
        // An algorithm without tensor cores rejects a descriptor that allows them.
        if (precision != Conv2dPrecision::float32) plan.convolution.allow(found[i].mathType);
        plan.algorithm = found[i].algo;
        if (measure(plan.convolution, plan.algorithm, &plan.workspace_bytes) == CUDNN_STATUS_SUCCESS &&
            plan.workspace_bytes <= max_workspace_bytes)
            return plan;
    }
    throw Error("[conv2d] cuDNN has no deterministic algorithm for " + std::to_string(s.kernel_height) + "×" +
                std::to_string(s.kernel_width) + ", " + std::to_string(s.in_channels) + " → " +
                std::to_string(s.out_channels) + " channels, images of " + std::to_string(s.height) + "×" +
                std::to_string(s.width));
}

/// The plans of one pass.
template <class Algorithm>
class Plans {
  public:
    template <class Make>
    const Plan<Algorithm>& of(const Conv2dShape& s, Make&& make) {
        const bool is_float32 = conv2d_options().precision == Conv2dPrecision::float32;
        const Key key{s.batch,        s.height,        s.width,        s.in_channels,
                      s.out_channels, s.kernel_height, s.kernel_width, is_float32};
        const auto found = plans_.find(key);
        return found != plans_.end() ? found->second : plans_.emplace(key, make()).first->second;
    }

  private:
    using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                           std::int64_t, bool>;
    std::map<Key, Plan<Algorithm>> plans_;
};

/// Per thread and device: cuDNN forbids sharing a handle between threads.
class State {
  public:
    static State& of_this_device() {
        thread_local std::map<int, State> states;
        int device = 0;
        require(cudaGetDevice(&device) == cudaSuccess, "[cuda] no device is selected");
        return states[device];
    }
    cudnnHandle_t on_current_stream() {
        DNSP_CUDNN_CALL(cudnnSetStream, handle_.get(), static_cast<cudaStream_t>(simt::current_stream()));
        return handle_.get();
    }
    Plans<cudnnConvolutionFwdAlgo_t> forward;
    Plans<cudnnConvolutionBwdDataAlgo_t> backward_input;
    Plans<cudnnConvolutionBwdFilterAlgo_t> backward_weight;

  private:
    static Owned<cudnnHandle_t> create() {
        cudnnHandle_t made = nullptr;
        DNSP_CUDNN_CALL(cudnnCreate, &made);
        return {made, DNSP_CUDNN(cudnnDestroy)};
    }
    Owned<cudnnHandle_t> handle_ = create();
};

}  // namespace

bool cudnn_available() { return cudnn().available(); }
std::string cudnn_unavailable_reason() { return cudnn().unavailable_reason(); }

void cudnn_forward(const Conv2dShape& s, const Conv2dForward<float>& pass) {
    const std::int64_t count = s.output_elements();
    if (count == 0) return;
    State& state = State::of_this_device();
    const cudnnHandle_t handle = state.on_current_stream();
    const auto& plan = state.forward.of(s, [&] {
        return make_plan<cudnnConvolutionFwdAlgoPerf_t>(
            s,
            [&](const Convolution& c, auto... arguments) {
                DNSP_CUDNN_CALL(cudnnGetConvolutionForwardAlgorithm_v7, handle, c.input.get(), c.weight.get(),
                                c.how.get(), c.output.get(), arguments...);
            },
            [&](const Convolution& c, auto... arguments) {
                return DNSP_CUDNN(cudnnGetConvolutionForwardWorkspaceSize)(
                    handle, c.input.get(), c.weight.get(), c.how.get(), c.output.get(), arguments...);
            });
    });
    // cuDNN adds the convolution to the output, which holds the bias (one row for all pixels) and the
    // residual. cuDNN's own bias addition is slow in this layout.
    const Conv2dEpilogue<float>& epilogue = pass.epilogue;
    float* const output = pass.output;
    const float scale = static_cast<float>(epilogue.scale);
    float kept = scale;
    copy_rows<float>({s.pixels(), s.out_channels, 0, s.out_channels}, pass.bias, output);
    if (epilogue.residual) {
        add_scaled<float>(count, epilogue.residual, epilogue.scale, output, output);
        kept = 1;
    }
    const simt::Workspace<std::byte> workspace(static_cast<std::int64_t>(plan.workspace_bytes));
    const Convolution& c = plan.convolution;
    DNSP_CUDNN_CALL(cudnnConvolutionForward, handle, &scale, c.input.get(), pass.input, c.weight.get(),
                    pass.weight, c.how.get(), plan.algorithm, workspace.data(), plan.workspace_bytes, &kept,
                    c.output.get(), output);
    if (epilogue.activation == Activation::relu) relu_forward<float>(count, output, output);
}

void cudnn_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<float>& pass) {
    if (s.input_elements() == 0) return;
    State& state = State::of_this_device();
    const cudnnHandle_t handle = state.on_current_stream();
    const auto& plan = state.backward_input.of(s, [&] {
        return make_plan<cudnnConvolutionBwdDataAlgoPerf_t>(
            s,
            [&](const Convolution& c, auto... arguments) {
                DNSP_CUDNN_CALL(cudnnGetConvolutionBackwardDataAlgorithm_v7, handle, c.weight.get(),
                                c.output.get(), c.how.get(), c.input.get(), arguments...);
            },
            [&](const Convolution& c, auto... arguments) {
                return DNSP_CUDNN(cudnnGetConvolutionBackwardDataWorkspaceSize)(
                    handle, c.weight.get(), c.output.get(), c.how.get(), c.input.get(), arguments...);
            });
    });
    const float factor = static_cast<float>(pass.scale), kept = pass.accumulate ? 1 : 0;
    if (pass.accumulate && pass.accumulate != pass.input_gradient)
        simt::copy_on_device(pass.input_gradient, pass.accumulate,
                             static_cast<std::size_t>(s.input_elements()) * sizeof(float));
    const simt::Workspace<std::byte> workspace(static_cast<std::int64_t>(plan.workspace_bytes));
    const Convolution& c = plan.convolution;
    DNSP_CUDNN_CALL(cudnnConvolutionBackwardData, handle, &factor, c.weight.get(), pass.weight,
                    c.output.get(), pass.output_gradient, c.how.get(), plan.algorithm, workspace.data(),
                    plan.workspace_bytes, &kept, c.input.get(), pass.input_gradient);
    if (pass.relu_output)
        relu_backward<float>(s.input_elements(), pass.input_gradient, pass.relu_output, pass.input_gradient);
}

void cudnn_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<float>& pass) {
    add_partial_sums(BiasGradient<float>(s, pass).partial_sums());
    if (s.pixels() == 0) return fill(s.weight_elements(), 0.0f, pass.weight_gradient);
    if (s.weight_elements() == 0) return;
    State& state = State::of_this_device();
    const cudnnHandle_t handle = state.on_current_stream();
    const auto& plan = state.backward_weight.of(s, [&] {
        return make_plan<cudnnConvolutionBwdFilterAlgoPerf_t>(
            s,
            [&](const Convolution& c, auto... arguments) {
                DNSP_CUDNN_CALL(cudnnGetConvolutionBackwardFilterAlgorithm_v7, handle, c.input.get(),
                                c.output.get(), c.how.get(), c.weight.get(), arguments...);
            },
            [&](const Convolution& c, auto... arguments) {
                return DNSP_CUDNN(cudnnGetConvolutionBackwardFilterWorkspaceSize)(
                    handle, c.input.get(), c.output.get(), c.how.get(), c.weight.get(), arguments...);
            });
    });
    const float factor = static_cast<float>(pass.scale), nothing = 0;
    const simt::Workspace<std::byte> workspace(static_cast<std::int64_t>(plan.workspace_bytes));
    const Convolution& c = plan.convolution;
    DNSP_CUDNN_CALL(cudnnConvolutionBackwardFilter, handle, &factor, c.input.get(), pass.input,
                    c.output.get(), pass.output_gradient, c.how.get(), plan.algorithm, workspace.data(),
                    plan.workspace_bytes, &nothing, c.weight.get(), pass.weight_gradient);
}

}  // namespace dnsp::kernels::cuda::detail
