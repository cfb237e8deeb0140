#include "imaging/normalisation.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.hpp"

namespace dnsp::imaging {

Normalisation percentile_normalisation(std::span<const float> values, const std::string& subject) {
    require(!values.empty(), subject, "no intensities");
    require(std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }), subject,
            "an intensity is NaN or infinite");
    std::vector<float> sorted(values.begin(), values.end());
    // Nearest rank ⌈p·n⌉ (from 1), in integers because 0.999·n rounds.
    const std::size_t n = sorted.size();
    const std::size_t low_rank = (n + 999) / 1000;
    const std::size_t high_rank = (999 * n + 999) / 1000;
    const auto at_rank = [&](std::size_t rank) {
        const auto position = sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1);
        std::nth_element(sorted.begin(), position, sorted.end());
        return *position;
    };
    Normalisation normalisation{at_rank(low_rank), at_rank(high_rank)};
    if (normalisation.low < normalisation.high) return normalisation;
    const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
    require(*smallest < *largest, subject, "all intensities are equal");
    return {*smallest, *largest};
}

void normalise(std::span<float> values, const Normalisation& normalisation) {
    for (float& x : values) x = normalisation.apply(x);
}

void restore(std::span<float> values, const Normalisation& normalisation) {
    for (float& x : values) x = normalisation.restore(x);
}

}  // namespace dnsp::imaging
