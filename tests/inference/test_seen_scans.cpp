// The record of the scans of a training, and what lies outside of it.
#include "inference/seen_scans.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace dnsp;
using imaging::ScanStatistics;

namespace {

ScanStatistics scan(double pixel_mm, double noise, double share) {
    return {pixel_mm, noise, std::vector<double>(22, share), -10.0 * pixel_mm};
}

}  // namespace

TEST_CASE("what lies outside of the scans of the training is named") {
    const SeenScans seen = seen_scans({scan(0.9, 0.01, 0.5), scan(1.0, 0.02, 0.6)});
    CHECK(seen.pixel_mm == NumberOrRange(0.9, 1.0));
    CHECK(std::abs(seen.histogram_distance - 22 * 0.05 * 0.05) < 1e-12);
    CHECK(differences(seen, scan(0.95, 0.015, 0.55)).empty());
    CHECK(differences(seen, scan(0.8, 0.0, 0.57)).empty());
    CHECK(differences(seen, scan(0.0, 0.02, 0.5)).empty());  // unknown pixels
    const auto found = differences(seen, scan(2.0, 0.06, 0.95));
    REQUIRE(found.size() == 3);
    CHECK(found[0] == "pixels of 2 mm, not 0.9 to 1 mm");
    CHECK(found[1] == "noise of about 6 % of the range, not 1 to 2 %");
    CHECK(found[2].find("histogram 44 % of the range") != std::string::npos);
    CHECK(differences(SeenScans{}, scan(2.0, 0.06, 0.9)).empty());
}

TEST_CASE("the record is written and read as JSON") {
    const SeenScans seen = seen_scans({scan(0.9, 0.01, 0.5), scan(1.0, 0.02, 0.6)});
    const SeenScans again = seen_scans_of(to_json(seen));
    CHECK((again.pixel_mm == seen.pixel_mm && again.noise == seen.noise &&
           again.histogram == seen.histogram && again.histogram_distance == seen.histogram_distance));
    REQUIRE(again.fine_detail_db);
    CHECK(std::abs(*again.fine_detail_db + 9.5) < 1e-12);
    auto older = to_json(seen);
    older.erase("fine_detail_db");
    CHECK_FALSE(seen_scans_of(older).fine_detail_db);
    CHECK_THROWS_AS(seen_scans_of(nlohmann::json::object()), Error);
    CHECK_THROWS_AS(
        seen_scans_of({{"pixel_mm", "x"}, {"noise", {0, 1}}, {"histogram", {1}}, {"histogram_distance", 0}}),
        Error);
}
