// Value and gradient of the priors for a training batch: 64 patches of 40×40.
#include <benchmark/benchmark.h>

#include "benchmarks/random_values.hpp"
#include "kernels/filter_variance.hpp"
#include "kernels/low_rank/low_rank.hpp"
#include "kernels/total_variation.hpp"

namespace {

using namespace dnsp;

constexpr std::int64_t batch = 64, side = 40;

struct Patches {
    std::vector<float> images = benchmarks::random_values(batch * side * side, 1);
    std::vector<float> gradient = std::vector<float>(images.size());
    std::vector<double> values = std::vector<double>(batch);
};

void low_rank_exponential(benchmark::State& state) {
    Patches p;
    for (auto _ : state)
        kernels::cpu::low_rank_matrix_exponential<float>({batch, side, side, 0.01}, p.images.data(),
                                                         p.values.data(), p.gradient.data());
}

void low_rank_svd(benchmark::State& state) {
    Patches p;
    for (auto _ : state)
        kernels::cpu::low_rank_svd<float>({batch, side, side, 0.01}, p.images.data(), p.values.data(),
                                          p.gradient.data());
}

void learned_sharpness(benchmark::State& state) {
    Patches p;
    const auto filters = benchmarks::random_values(8 * 9, 2);
    std::vector<float> filter_gradient(filters.size());
    for (auto _ : state)
        kernels::cpu::filter_variance<float>({batch, side, side, 8, 3, kernels::Border::valid},
                                             p.images.data(), filters.data(), p.values.data(),
                                             p.gradient.data(), filter_gradient.data());
}

void total_variation(benchmark::State& state) {
    Patches p;
    for (auto _ : state)
        kernels::cpu::total_variation<float>({batch, side, side, 1e-3}, p.images.data(), p.values.data(),
                                             p.gradient.data());
}

BENCHMARK(low_rank_exponential)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(low_rank_svd)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(learned_sharpness)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(total_variation)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
