// Gathering and mirroring the patches of a training step: 64 of 40×40 from 40 slices of 181×217.
#include "kernels/patch_sampling.hpp"

#include <benchmark/benchmark.h>

#include "benchmarks/random_values.hpp"

namespace {

using namespace dnsp;

void sample_patches(benchmark::State& state) {
    constexpr std::int64_t slices = 40, height = 181, width = 217, batch = 64, patch = 40, of_slice = 16;
    const std::vector<float> input = benchmarks::random_values(slices * height * width, 1),
                             target = benchmarks::random_values(slices * height * width, 2);
    std::vector<kernels::SliceEntry> entries;
    std::vector<kernels::CornerEntry> corners;
    for (std::int64_t s = 0; s < slices; ++s) {
        entries.push_back({s * height * width, width, static_cast<std::int32_t>(corners.size()), 100});
        for (std::int32_t c = 0; c < 100; ++c) corners.push_back({c, 100 - c});
    }
    // Every tenth patch number, so that a batch covers many slices.
    std::vector<std::uint32_t> order(batch);
    for (std::size_t b = 0; b < order.size(); ++b) order[b] = static_cast<std::uint32_t>(10 * b);
    std::vector<float> input_patches(batch * patch * patch), target_patches(input_patches.size());
    kernels::StepPosition position;
    for (auto _ : state) {
        kernels::cpu::sample_patches({batch, patch, of_slice, {1, 2}}, &position, order.data(),
                                     entries.data(), corners.data(), input.data(), target.data(),
                                     input_patches.data(), target_patches.data());
        ++position.epoch;
    }
}

BENCHMARK(sample_patches)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
