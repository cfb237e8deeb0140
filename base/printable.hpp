#pragma once

#include <string>
#include <string_view>

namespace dnsp {

/// The text with control characters of ASCII and of UTF-8 (U+0080 to U+009F) as "\x1b": a file name or a text
/// from a file can then neither end the line of a message nor command a terminal.
inline std::string printable(std::string_view text) {
    constexpr const char* digits = "0123456789abcdef";
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool second_of_control =
            byte >= 0x80 && byte < 0xA0 && i > 0 && static_cast<unsigned char>(text[i - 1]) == 0xC2;
        if (byte >= 0x20 && byte != 0x7F && !second_of_control) {
            result += text[i];
            continue;
        }
        if (second_of_control) result.pop_back();
        result += "\\x";
        result += digits[byte >> 4];
        result += digits[byte & 15];
    }
    return result;
}

}  // namespace dnsp
