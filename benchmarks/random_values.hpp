#pragma once

#include <cstdint>
#include <vector>

#include "base/philox.hpp"

namespace dnsp::benchmarks {

inline std::vector<float> random_values(std::int64_t count, std::uint64_t stream) {
    const Philox random{1, stream};
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.uniform(i));
    return values;
}

}  // namespace dnsp::benchmarks
