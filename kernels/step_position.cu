#include "kernels/step_position.hpp"

#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 64;

// One block, whose threads share out the figures, a few dozen numbers; the last thing that happens in a step
// is that its first thread counts it. Bound by the time of a launch.
__global__ void __launch_bounds__(threads)
    end_step(const StepFigures figures, const double* terms, const double* norms, StepPosition* position,
             double* rows) {
    const std::int64_t step = position->step, width = figures.terms + figures.norms;
    double* const row = rows + step % figures.rows * width;
    for (std::int64_t i = threadIdx.x; i < width; i += threads)
        row[i] = i < figures.terms ? terms[i] : norms[i - figures.terms];
    __syncthreads();  // everyone has read the position
    if (threadIdx.x == 0) position->step = step + 1;
}

}  // namespace

void finish_step(const StepFigures& figures, const double* terms, const double* norms, StepPosition* position,
                 double* rows) {
    simt::launch(end_step, 1, threads, 0, figures, terms, norms, position, rows);
}

}  // namespace dnsp::kernels::cuda
