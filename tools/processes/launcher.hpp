#pragma once

#include <cstdlib>

#include "base/number.hpp"

namespace dnsp::tools {

/// Processes started together by mpirun (Open MPI, MPICH): their number, or 0 without a launcher.
inline int launched_processes() {
    for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
        if (const char* const count = std::getenv(variable)) return number_of<int>(count).value_or(0);
    return 0;
}

}  // namespace dnsp::tools
