#pragma once

#include <utility>
#include <vector>

#include "base/philox.hpp"

namespace dnsp {

/// Puts the items in random order (Fisher and Yates), using the numbers 1 … size − 1 of `random`.
template <class T>
void shuffle(std::vector<T>& items, const Philox& random) {
    for (std::size_t i = items.size(); i-- > 1;)
        std::swap(items[i], items[random.below(i, static_cast<std::uint32_t>(i + 1))]);
}

}  // namespace dnsp
