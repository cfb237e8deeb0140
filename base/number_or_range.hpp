#pragma once

#include <iosfwd>
#include <string>

namespace dnsp {

/// A number, or a range from which numbers are drawn uniformly. As text "0.5" or "0.5:1.5".
struct NumberOrRange {
    double low = 0.0, high = 0.0;

    NumberOrRange() = default;
    NumberOrRange(double number) : low(number), high(number) {}
    NumberOrRange(double from, double to) : low(from), high(to) {}

    bool is_range() const { return low < high; }
    double middle() const { return 0.5 * (low + high); }
    /// The number at u = 0 … 1 of the range.
    double at(double u) const { return low + u * (high - low); }
    bool operator==(const NumberOrRange&) const = default;
};

std::string to_string(const NumberOrRange& value);

/// Reads the text form to its end. Fails for text that is not a number, for a range that does not rise, and
/// for NaN and infinities.
std::istream& operator>>(std::istream& in, NumberOrRange& value);
std::ostream& operator<<(std::ostream& out, const NumberOrRange& value);

}  // namespace dnsp
