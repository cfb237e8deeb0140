#include "base/parallel.hpp"

#include <omp.h>

namespace dnsp {

int thread_count() { return omp_get_max_threads(); }

}  // namespace dnsp
