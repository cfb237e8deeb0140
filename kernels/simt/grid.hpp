#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>

namespace dnsp::simt {

/// The least number of parts of `size` that hold `number`.
template <std::integral Number, std::integral Size>
constexpr Number divide_up(Number number, Size size) {
    return static_cast<Number>((number + size - 1) / size);
}

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
