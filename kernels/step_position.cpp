#include "kernels/step_position.hpp"

#include <algorithm>

namespace dnsp::kernels::cpu {

void finish_step(const StepMetrics& f, const double* terms, const double* norms, StepPosition* position,
                 double* rows) {
    double* const row = rows + position->step % f.rows * (f.terms + f.norms);
    std::copy_n(terms, f.terms, row);
    std::copy_n(norms, f.norms, row + f.terms);
    ++position->step;
}

}  // namespace dnsp::kernels::cpu
