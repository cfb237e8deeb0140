#include "base/number_or_range.hpp"

#include <fmt/format.h>

#include <iostream>

#include "base/number.hpp"

namespace dnsp {

std::string to_string(const NumberOrRange& value) {
    return value.is_range() ? fmt::format("{}:{}", value.low, value.high) : fmt::format("{}", value.low);
}

std::istream& operator>>(std::istream& in, NumberOrRange& value) {
    std::string text;
    in >> text;
    const auto colon = text.find(':');
    const auto low = number_of<double>(text.substr(0, colon));
    const auto high = colon == std::string::npos ? low : number_of<double>(text.substr(colon + 1));
    if (!low || !high || *low > *high)
        in.setstate(std::ios::failbit);
    else
        value = {*low, *high};
    return in;
}

std::ostream& operator<<(std::ostream& out, const NumberOrRange& value) { return out << to_string(value); }

}  // namespace dnsp
