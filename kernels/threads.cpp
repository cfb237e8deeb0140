#include "kernels/threads.hpp"

#include <omp.h>

namespace dnsp::kernels::cpu {

int thread_count() { return omp_get_max_threads(); }

}  // namespace dnsp::kernels::cpu
