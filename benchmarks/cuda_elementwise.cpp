// Kernels bound by device memory, and its bandwidth.
#include "benchmarks/cuda_timing.hpp"
#include "kernels/adam.hpp"

namespace {

using namespace dnsp;

constexpr std::int64_t count = 16 << 20;
constexpr std::int64_t edsr_parameters = 38'360'000;  // EDSR: 32 residual blocks of 256 channels

/// Device memory filled with one number.
struct Constant : simt::Workspace<float> {
    Constant(std::int64_t elements, float value) : Workspace(elements) {
        kernels::cuda::fill(elements, value, data());
    }
};

/// Times `work(a, b, c)` on three arrays; `touched` of them are read or written.
template <class Work>
void on_arrays(const char* name, int touched, Work&& work) {
    benchmarks::register_on_device(std::string("elementwise/") + name, [=](benchmark::State& state) {
        const Constant a(count, 1.0f), b(count, 2.0f), c(count, 3.0f);
        benchmarks::time_on_device(state, {.bytes = 1.0 * touched * sizeof(float) * count},
                                   [&] { work(a.data(), b.data(), c.data()); });
    });
}

void adam(benchmark::State& state) {
    const Constant gradient(edsr_parameters, 1e-3f), value(edsr_parameters, 0.1f),
        first_moment(edsr_parameters, 0.0f), second_moment(edsr_parameters, 0.0f);
    kernels::AdamShape shape;
    shape.segments[0] = {0, edsr_parameters};
    shape.segment_count = 1;
    const kernels::AdamRates rates = kernels::adam_rates(shape, {1e-4}, 1);
    const kernels::StepPosition first{};
    const simt::Workspace<kernels::AdamRates> table(1);
    const simt::Workspace<kernels::StepPosition> position(1);
    simt::copy_to_device(table.data(), &rates, sizeof rates);
    simt::copy_to_device(position.data(), &first, sizeof first);
    benchmarks::time_on_device(state, {.bytes = 7.0 * sizeof(float) * edsr_parameters}, [&] {
        kernels::cuda::adam<float>(shape, table.data(), position.data(), gradient.data(), value.data(),
                                   first_moment.data(), second_moment.data());
    });
}

const bool registered = [] {
    if (!benchmarks::has_cuda_device()) return false;
    on_arrays("copy", 2, [](const float* a, const float*, float* c) {
        simt::copy_on_device(c, a, count * sizeof(float));
    });
    on_arrays("relu_forward", 2,
              [](const float* a, const float*, float* c) { kernels::cuda::relu_forward(count, a, c); });
    on_arrays("relu_backward", 3,
              [](const float* a, const float* b, float* c) { kernels::cuda::relu_backward(count, a, b, c); });
    on_arrays("add_scaled", 3, [](const float* a, const float* b, float* c) {
        kernels::cuda::add_scaled(count, a, 0.1, b, c);
    });
    benchmarks::register_on_device("elementwise/squared_error", [](benchmark::State& state) {
        const Constant a(count, 1.0f), b(count, 2.0f), c(count, 3.0f);
        const simt::Workspace<double> values(kernels::squared_error_parts(count));
        benchmarks::time_on_device(state, {.bytes = 3.0 * sizeof(float) * count}, [&] {
            kernels::cuda::squared_error(count, a.data(), b.data(), c.data(), values.data());
        });
    });
    benchmarks::register_on_device("adam/38.36M_parameters", adam);
    return true;
}();

}  // namespace
