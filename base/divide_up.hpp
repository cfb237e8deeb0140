#pragma once

#include <concepts>

namespace dnsp {

/// ⌈number / size⌉, the number of parts of `size` that cover `number`. Preconditions: number ≥ 0, size > 0.
template <std::integral Number, std::integral Size>
constexpr Number divide_up(Number number, Size size) {
    return static_cast<Number>((number + size - 1) / size);
}

}  // namespace dnsp
