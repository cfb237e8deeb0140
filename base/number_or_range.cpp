#include "base/number_or_range.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iostream>
#include <optional>

namespace dnsp {
namespace {

std::optional<double> finite_number(const std::string& text) {
    double number = 0.0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || last != end || !std::isfinite(number)) return std::nullopt;
    return number;
}

}  // namespace

std::string to_string(const NumberOrRange& value) {
    return value.is_range() ? fmt::format("{}:{}", value.low, value.high) : fmt::format("{}", value.low);
}

std::istream& operator>>(std::istream& in, NumberOrRange& value) {
    std::string text;
    in >> text;
    const auto colon = text.find(':');
    const auto low = finite_number(text.substr(0, colon));
    const auto high = colon == std::string::npos ? low : finite_number(text.substr(colon + 1));
    if (!low || !high || *low > *high)
        in.setstate(std::ios::failbit);
    else
        value = {*low, *high};
    return in;
}

std::ostream& operator<<(std::ostream& out, const NumberOrRange& value) { return out << to_string(value); }

}  // namespace dnsp
