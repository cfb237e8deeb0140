#pragma once

#include <algorithm>
#include <cstdint>

#include "base/divide_up.hpp"

namespace dnsp::simt {

/// Number of blocks of `per_block` items that cover `count` items.
constexpr unsigned blocks_for(std::int64_t count, std::int64_t per_block) {
    return static_cast<unsigned>(divide_up(count, per_block));
}

/// The same for a grid-stride loop, limited to the number of blocks that the largest devices run at once.
constexpr unsigned blocks_for_stride_loop(std::int64_t count, std::int64_t per_block) {
    constexpr std::int64_t most = 1024;
    return blocks_for(std::min(count, most * per_block), per_block);
}

}  // namespace dnsp::simt
