#include "kernels/step_position.hpp"

#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 64;

// One block. Its threads copy the metrics, a few dozen numbers; then thread 0 advances the position. Must be
// the last kernel of a step. Bound by launch latency.
__global__ void __launch_bounds__(threads)
    end_step(const StepMetrics metrics, const double* terms, const double* norms, StepPosition* position,
             double* rows) {
    const std::int64_t step = position->step, width = metrics.terms + metrics.norms;
    double* const row = rows + step % metrics.rows * width;
    for (std::int64_t i = threadIdx.x; i < width; i += threads)
        row[i] = i < metrics.terms ? terms[i] : norms[i - metrics.terms];
    __syncthreads();  // all threads have read the position
    if (threadIdx.x == 0) position->step = step + 1;
}

}  // namespace

void finish_step(const StepMetrics& metrics, const double* terms, const double* norms, StepPosition* position,
                 double* rows) {
    simt::launch(end_step, 1, threads, 0, metrics, terms, norms, position, rows);
}

}  // namespace dnsp::kernels::cuda
