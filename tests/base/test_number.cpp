#include "base/number.hpp"

#include "tests/catch.hpp"

using dnsp::number_of;

TEST_CASE("a text is a number only as a whole") {
    CHECK(number_of<int>("42") == 42);
    CHECK(number_of<int>("-7") == -7);
    CHECK(number_of<double>("-2.5e3") == -2500.0);
    for (const char* text : {"", " ", "1 ", " 1", "1x", "1,5", "+1", "0x10", "one"}) {
        CAPTURE(text);
        CHECK_FALSE(number_of<int>(text));
        CHECK_FALSE(number_of<double>(text));
    }
    CHECK_FALSE(number_of<int>("1.5"));
}

TEST_CASE("a number that its type cannot hold, or that is not finite, is none") {
    CHECK(number_of<int>("2147483647") == 2147483647);
    CHECK_FALSE(number_of<int>("2147483648"));
    CHECK_FALSE(number_of<unsigned>("-1"));
    for (const char* text : {"nan", "inf", "-inf", "infinity", "1e999"}) {
        CAPTURE(text);
        CHECK_FALSE(number_of<double>(text));
    }
}
