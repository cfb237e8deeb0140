#pragma once

#include <algorithm>
#include <cmath>

#include "tests/catch.hpp"

namespace dnsp::testing {

/// Checks that two numbers differ by at most `tolerance`, relative to the expected one if that is above 1.
inline void check_close(double value, double expected, double tolerance = 1e-9) {
    INFO("value " << Catch::StringMaker<double>::convert(value) << ", expected "
                  << Catch::StringMaker<double>::convert(expected));
    CHECK(std::abs(value - expected) <= tolerance * std::max(1.0, std::abs(expected)));
}

}  // namespace dnsp::testing
