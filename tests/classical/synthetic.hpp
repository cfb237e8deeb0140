#pragma once

#include <cmath>
#include <numbers>
#include <string>

#include "imaging/degradation_operator.hpp"
#include "tests/catch.hpp"

namespace dnsp::testing {

/// The 32×32 image of the oracles: waves and a disc.
inline imaging::Plane waves_and_disc() {
    constexpr int n = 32;
    imaging::Plane image(n, n);
    for (int r = 0; r < n; ++r)
        for (int c = 0; c < n; ++c)
            image(r, c) = 0.35 +
                          0.2 * std::sin(2 * std::numbers::pi * 3 * (r + 0.5) / n) *
                              std::cos(2 * std::numbers::pi * 2 * (c + 0.5) / n) +
                          ((r - 15) * (r - 15) + (c - 13) * (c - 13) < 64 ? 0.35 : 0.0);
    return image;
}

/// PSNR for a data range of 1, in dB.
inline double psnr(const imaging::Plane& reference, const imaging::Plane& image) {
    return -10.0 * std::log10((reference - image).squaredNorm() / static_cast<double>(image.size()));
}

/// The message of the exception that the call must throw.
template <class Call>
std::string complaint(Call&& call) {
    try {
        call();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "(no exception)";
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace dnsp::testing
