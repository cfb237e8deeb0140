// Value and gradient of the priors on the CUDA device for a training batch: 64 patches of 40×40.
#include "benchmarks/cuda_timing.hpp"
#include "kernels/filter_variance.hpp"
#include "kernels/low_rank/low_rank.hpp"
#include "kernels/total_variation.hpp"

namespace {

using namespace dnsp;

constexpr std::int64_t batch = 64, side = 40, pixels = batch * side * side;

struct Patches {
    benchmarks::DeviceValues images{pixels, 1}, gradient{pixels, 2};
    simt::Workspace<double> values{batch};
};

using LowRank = void (*)(const kernels::LowRankShape&, const float*, double*, float*);

void low_rank(benchmark::State& state, LowRank kernel) {
    const Patches p;
    benchmarks::time_on_device(state, {.bytes = 2.0 * sizeof(float) * pixels}, [&] {
        kernel({batch, side, side, 0.01}, p.images.data(), p.values.data(), p.gradient.data());
    });
}

void learned_sharpness(benchmark::State& state) {
    const Patches p;
    const kernels::FilterVarianceShape shape{batch, side, side, 8, 3, kernels::Border::valid};
    const benchmarks::DeviceValues filters(shape.filters * shape.taps(), 3),
        filter_gradient(shape.filters * shape.taps(), 4);
    // Responses, image gradients and filter gradients take one multiply-add per tap.
    const double responses =
        static_cast<double>(batch * shape.filters * shape.response_height() * shape.response_width());
    benchmarks::time_on_device(
        state,
        {.flops = 6.0 * responses * static_cast<double>(shape.taps()), .bytes = 2.0 * sizeof(float) * pixels},
        [&] {
            kernels::cuda::filter_variance<float>(shape, p.images.data(), filters.data(), p.values.data(),
                                                  p.gradient.data(), filter_gradient.data());
        });
}

void total_variation(benchmark::State& state) {
    const Patches p;
    benchmarks::time_on_device(state, {.bytes = 2.0 * sizeof(float) * pixels}, [&] {
        kernels::cuda::total_variation<float>({batch, side, side, 1e-3}, p.images.data(), p.values.data(),
                                              p.gradient.data());
    });
}

const bool registered = [] {
    if (!benchmarks::has_cuda_device()) return false;
    for (const auto& [name, kernel] :
         {std::pair<const char*, LowRank>{"svd", kernels::cuda::low_rank_svd<float>},
          {"matrix_exponential", kernels::cuda::low_rank_matrix_exponential<float>},
          {"cusolver", kernels::cuda::low_rank_cusolver<float>}})
        benchmarks::register_on_device(
            std::string("priors/low_rank_") + name,
            [kernel = kernel](benchmark::State& state) { low_rank(state, kernel); });
    benchmarks::register_on_device("priors/learned_sharpness_8_filters", learned_sharpness);
    benchmarks::register_on_device("priors/total_variation", total_variation);
    return true;
}();

}  // namespace
