#pragma once

#include <algorithm>
#include <cstdint>

#include "base/divide_up.hpp"

namespace dnsp::simt {

/// Blocks that hold `count` items, `per_block` each.
constexpr unsigned blocks_for(std::int64_t count, std::int64_t per_block) {
    return static_cast<unsigned>(divide_up(count, per_block));
}

/// The same for a grid-stride loop, which needs no more blocks than the largest devices hold at once.
constexpr unsigned blocks_for_stride_loop(std::int64_t count, std::int64_t per_block) {
    constexpr std::int64_t most = 1024;
    return blocks_for(std::min(count, most * per_block), per_block);
}

}  // namespace dnsp::simt
