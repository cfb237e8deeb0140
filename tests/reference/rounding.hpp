#pragma once

// The number formats of tensor cores, by arithmetic on numbers instead of bits.
#include <algorithm>
#include <cmath>
#include <vector>

namespace dnsp::reference {

/// The nearest number with `digits` significant binary digits and the exponent range of float; infinite
/// beyond the range. `ties_to_even`: ties are rounded to even, otherwise away from zero.
inline double round_to_digits(double value, int digits, bool ties_to_even) {
    if (!std::isfinite(value) || value == 0) return value;
    int exponent = 0;
    std::frexp(value, &exponent);
    const int last = std::max(exponent, -125) - digits;
    const double scaled = std::ldexp(value, -last);
    const double result = std::ldexp(ties_to_even ? std::nearbyint(scaled) : std::round(scaled), last);
    return std::abs(result) >= 0x1p128 ? std::copysign(HUGE_VAL, result) : result;
}

inline double round_to_tf32(double value) { return round_to_digits(value, 11, false); }
inline double round_to_bfloat16(double value) { return round_to_digits(value, 8, true); }

}  // namespace dnsp::reference
