#pragma once

#include <cstdint>

namespace dnsp::kernels {

/// Elements below which a loop is not worth a second core.
inline constexpr std::int64_t parallel_grain = 1 << 14;

/// Blocks of this many elements are summed one by one and then in order, so that a sum does not depend on
/// the number of threads.
inline constexpr std::int64_t reduction_block = 1 << 12;

}  // namespace dnsp::kernels
