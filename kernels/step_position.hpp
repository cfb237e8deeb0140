#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// The progress of a training run, in device memory. Kernels read from it which rows of their tables to use,
/// so that the same captured launches perform every step.
struct StepPosition {
    std::int64_t epoch = 0;
    std::int64_t step = 0;  ///< in the epoch, from 0
};

/// The metrics of the last steps. Row `step % rows` holds `terms` numbers, then `norms` numbers.
struct StepMetrics {
    std::int64_t terms = 0;
    std::int64_t norms = 0;
    std::int64_t rows = 1;
};

/// Ends a step: overwrites its row with its metrics and advances the position by one step.
DNSP_DECLARE_PLAIN_KERNEL(finish_step, const StepMetrics& metrics, const double* terms, const double* norms,
                          StepPosition* position, double* rows);

}  // namespace dnsp::kernels
