#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/divide_up.hpp"

namespace dnsp {

/// Number of threads of an OpenMP parallel region.
int thread_count();

/// Loops over fewer elements run on one thread.
inline constexpr std::int64_t parallel_grain = 1 << 14;

/// Sums over blocks of this many elements are added in order, so that a sum does not depend on the number of
/// threads.
inline constexpr std::int64_t reduction_block = 1 << 12;

/// Sums body(begin, end) over the blocks, in order.
template <class Body>
double sum_in_blocks(std::int64_t count, Body&& body) {
    const std::int64_t blocks = divide_up(count, reduction_block);
    std::vector<double> partial(static_cast<std::size_t>(blocks), 0.0);
#pragma omp parallel for schedule(static) if (blocks > 4)
    for (std::int64_t b = 0; b < blocks; ++b)
        partial[static_cast<std::size_t>(b)] =
            body(b * reduction_block, std::min(count, (b + 1) * reduction_block));
    double total = 0.0;
    for (double value : partial) total += value;
    return total;
}

}  // namespace dnsp
