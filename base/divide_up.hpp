#pragma once

#include <concepts>

namespace dnsp {

/// ⌈number / size⌉ for number ≥ 0 and size > 0: how many parts of `size` hold `number` items.
template <std::integral Number, std::integral Size>
constexpr Number divide_up(Number number, Size size) {
    return static_cast<Number>((number + size - 1) / size);
}

}  // namespace dnsp
