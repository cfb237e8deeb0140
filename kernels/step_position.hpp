#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// Where a training run is. It lies in the memory of the device, and kernels that change from step to step
/// find there what of their tables to read: so the same launches, recorded once, make every step.
struct StepPosition {
    std::int64_t epoch = 0;
    std::int64_t step = 0;  ///< of the epoch, from 0
};

/// The metrics of the last steps: row `step % rows` holds `terms` and then `norms` numbers.
struct StepMetrics {
    std::int64_t terms = 0;
    std::int64_t norms = 0;
    std::int64_t rows = 1;
};

/// Ends a step: copies its metrics to their row, which is overwritten, and moves on to the next step.
DNSP_DECLARE_PLAIN_KERNEL(finish_step, const StepMetrics& metrics, const double* terms, const double* norms,
                          StepPosition* position, double* rows);

}  // namespace dnsp::kernels
