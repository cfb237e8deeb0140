#pragma once

#include <cstdlib>

#include "base/number.hpp"

namespace dnsp::tools {

/// Processes started together by mpirun (Open MPI, MPICH) or srun (--mpi=pmi2, --mpi=pmix): their number, or
/// 0 without a launcher.
inline int launched_processes() {
    for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
        if (const char* const count = std::getenv(variable)) return number_of<int>(count).value_or(0);
    const char* const of_step = std::getenv("SLURM_STEP_NUM_TASKS");  // PMIx itself has no such variable
    return std::getenv("PMIX_RANK") && of_step ? number_of<int>(of_step).value_or(0) : 0;
}

}  // namespace dnsp::tools
