#include "base/json.hpp"

#include <cstdint>

#include "tests/catch.hpp"

using namespace dnsp;
using nlohmann::json;

TEST_CASE("JSON of text that is no UTF-8 holds the replacement character") {
    CHECK(json_text(json{{"name", "M\xfcller"}}) == "{\"name\":\"M\uFFFDller\"}");
    CHECK(json_text(json{1, 2}, 1) == "[\n 1,\n 2\n]");
}

TEST_CASE("whole numbers of JSON are those that the type can hold") {
    CHECK(whole_number<int>(json(-7)) == -7);
    CHECK(whole_number<std::uint64_t>(json(UINT64_MAX)) == UINT64_MAX);
    CHECK(whole_number<std::int64_t>(json(INT64_MIN)) == INT64_MIN);
    for (const json& other : {json(2.0), json(2e95), json("2"), json(nullptr), json(std::int64_t{1} << 31)})
        CHECK_THROWS_AS(whole_number<int>(other), Error);
    CHECK_THROWS_AS(whole_number<std::uint64_t>(json(-1)), Error);
    CHECK_THROWS_AS(whole_number<std::int64_t>(json(UINT64_MAX)), Error);
}
