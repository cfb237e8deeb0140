#include "statistics/interval.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/paths.hpp"
#include "tests/statistics/close.hpp"

using namespace dnsp;
using namespace dnsp::statistics;

TEST_CASE("means and Student intervals equal SciPy's") {
    // Values by tests/fixtures/make_imaging_fixtures.py.
    const auto fixtures =
        nlohmann::json::parse(std::ifstream(testing::fixtures_folder() / "imaging/expected.json"));
    REQUIRE_FALSE(fixtures["intervals"].empty());
    for (const auto& json : fixtures["intervals"]) {
        const auto values = json["values"].get<std::vector<double>>();
        const auto result = mean_and_interval(values);
        INFO("n = " << result.n);
        CHECK(result.n == static_cast<int>(values.size()));
        CHECK(std::abs(result.mean - json["mean"].get<double>()) <= 1e-10);
        CHECK(std::abs(result.ci95 - json["ci95"].get<double>()) <= 1e-9 * json["ci95"].get<double>());
    }
}
