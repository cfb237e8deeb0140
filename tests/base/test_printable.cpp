#include "base/printable.hpp"

#include "tests/catch.hpp"

namespace dnsp {

TEST_CASE("control characters are written as numbers, other text stays") {
    CHECK(printable("µ is −1.5 ± .1 \u00e9\U0001F9E0") == "µ is −1.5 ± .1 \u00e9\U0001F9E0");
    CHECK(printable(std::string_view("a\0b\n\t\x1b[2J\x7f", 10)) == "a\\x00b\\x0a\\x09\\x1b[2J\\x7f");
    CHECK(printable("\u0085\u009b") == "\\x85\\x9b");
    CHECK(printable("\u00a0\u00c2") == "\u00a0\u00c2");
    CHECK(printable("") == "");
}

}  // namespace dnsp
