// Convolutions of SRCNN and EDSR 16×64 for a training batch and a slice of 181×217, and further shapes.
#include "kernels/conv2d/conv2d.hpp"

#include <benchmark/benchmark.h>

#include <string>

#include "benchmarks/random_values.hpp"

namespace {

using namespace dnsp;
using kernels::Activation, kernels::Conv2dShape;

struct Arrays {
    std::vector<float> input, weight, bias, output;
    explicit Arrays(const Conv2dShape& s)
        : input(benchmarks::random_values(s.input_elements(), 1)),
          weight(benchmarks::random_values(s.weight_elements(), 2)),
          bias(benchmarks::random_values(s.out_channels, 3)),
          output(benchmarks::random_values(s.output_elements(), 4)) {}
};

void count_flops(benchmark::State& state, const Conv2dShape& s) {
    const double flops = 2.0 * static_cast<double>(s.pixels()) * static_cast<double>(s.weight_elements());
    state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state, const Conv2dShape& s) {
    Arrays a(s);
    for (auto _ : state)
        kernels::cpu::conv2d_forward<float>(s, {.input = a.input.data(),
                                                .weight = a.weight.data(),
                                                .bias = a.bias.data(),
                                                .epilogue = {.activation = Activation::relu},
                                                .output = a.output.data()});
    count_flops(state, s);
}

void backward_input(benchmark::State& state, const Conv2dShape& s) {
    Arrays a(s);
    for (auto _ : state)
        kernels::cpu::conv2d_backward_input<float>(s, {.output_gradient = a.output.data(),
                                                       .weight = a.weight.data(),
                                                       .input_gradient = a.input.data()});
    count_flops(state, s);
}

void backward_weight(benchmark::State& state, const Conv2dShape& s) {
    Arrays a(s);
    for (auto _ : state)
        kernels::cpu::conv2d_backward_weight<float>(s, {.input = a.input.data(),
                                                        .output_gradient = a.output.data(),
                                                        .weight_gradient = a.weight.data(),
                                                        .bias_gradient = a.bias.data()});
    count_flops(state, s);
}

const bool registered = [] {
    const std::pair<const char*, Conv2dShape> cases[] = {
        {"srcnn_9x9_1_64_batch64", {64, 40, 40, 1, 64, 9, 9}},
        {"srcnn_1x1_64_32_batch64", {64, 40, 40, 64, 32, 1, 1}},
        {"srcnn_5x5_32_1_batch64", {64, 40, 40, 32, 1, 5, 5}},
        {"edsr_3x3_64_64_batch16", {16, 40, 40, 64, 64, 3, 3}},
        {"edsr_3x3_64_1_batch16", {16, 40, 40, 64, 1, 3, 3}},
        {"srcnn_9x9_1_64_slice", {1, 181, 217, 1, 64, 9, 9}},
        {"srcnn_5x5_32_1_slice", {1, 181, 217, 32, 1, 5, 5}},
        {"edsr_3x3_64_64_slice", {1, 181, 217, 64, 64, 3, 3}},
        {"other_3x3_24_24_batch16", {16, 40, 40, 24, 24, 3, 3}},
        {"other_3x3_72_24_batch16", {16, 40, 40, 72, 24, 3, 3}},
        {"other_3x3_40_40_batch16", {16, 40, 40, 40, 40, 3, 3}},
        {"other_5x5_64_64_batch16", {16, 40, 40, 64, 64, 5, 5}},
        {"other_1x1_24_40_batch16", {16, 40, 40, 24, 40, 1, 1}},
    };
    for (const auto& [name, shape] : cases) {
        const std::string text = std::string("conv2d/") + name;
        auto add = [&, &s = shape](const char* pass, auto function) {
            benchmark::RegisterBenchmark((text + "/" + pass).c_str(), function, s)
                ->UseRealTime()
                ->Unit(benchmark::kMillisecond);
        };
        add("forward", forward);
        add("backward_input", backward_input);
        add("backward_weight", backward_weight);
    }
    return true;
}();

}  // namespace
