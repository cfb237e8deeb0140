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

TEST_CASE("a scan lies outside of what the training saw from a limit on") {
    // Training: pixels of 1 mm, noise of 2 %, histograms .05 from their mean at each of 22 levels .05 apart.
    const SeenScans seen = seen_scans({scan(1.0, 0.02, 0.5), scan(1.0, 0.02, 0.6)});
    const double distance = 22 * 0.05 * 0.05;
    const auto count = [&](double pixel_mm, double noise, double share) {
        return differences(seen, scan(pixel_mm, noise, share)).size();
    };
    // Pixels 15 % larger or smaller.
    CHECK(count(1.149, 0.02, 0.55) == 0);
    CHECK(count(0.851, 0.02, 0.55) == 0);
    CHECK(count(1.151, 0.02, 0.55) == 1);
    CHECK(count(0.849, 0.02, 0.55) == 1);
    // 1.5 times the noise, and half a per cent of the range.
    CHECK(count(1.0, 1.5 * 0.02 + 0.0049, 0.55) == 0);
    CHECK(count(1.0, 1.5 * 0.02 + 0.0051, 0.55) == 1);
    // 1.5 times the distance, and three per cent of the range.
    const auto share = [](double away) { return 0.55 + away / (22 * 0.05); };
    CHECK(count(1.0, 0.02, share(1.5 * distance + 0.0299)) == 0);
    CHECK(count(1.0, 0.02, share(1.5 * distance + 0.0301)) == 1);
    CHECK(count(1.0, 0.02, share(-1.5 * distance - 0.0301)) == 1);
    const auto found = differences(seen, scan(2.0, 0.06, share(0.2)));
    CHECK(found == std::vector<std::string>{
                       "pixels of 2 mm, not 1 mm", "noise of about 6 % of the range, not 2 %",
                       "a histogram 20 % of the range away from the mean of the training's, which lie "
                       "within 5.5 %"});
}

TEST_CASE("the record of the training holds ranges and means") {
    // The pixels of the second scan are unknown.
    std::vector<ScanStatistics> scans{scan(0.9, 0.03, 0.5), scan(0.0, 0.01, 0.6), scan(0.7, 0.02, 0.7)};
    scans[0].histogram[0] = 0.2;
    const SeenScans seen = seen_scans(scans);
    CHECK(seen.pixel_mm == NumberOrRange(0.7, 0.9));
    CHECK(seen.noise == NumberOrRange(0.01, 0.03));
    REQUIRE(seen.histogram.size() == 22);
    CHECK(std::abs(seen.histogram[0] - 0.5) < 1e-12);
    CHECK(std::abs(seen.histogram[1] - 0.6) < 1e-12);
    CHECK(std::abs(*seen.fine_detail_db + (9.0 + 0.0 + 7.0) / 3) < 1e-12);
    // The first scan is the farthest: .3 away at one level, .1 at the others.
    CHECK(std::abs(seen.histogram_distance - 0.05 * (0.3 + 21 * 0.1)) < 1e-12);
    const SeenScans none = seen_scans({});
    CHECK((none.histogram.empty() && none.histogram_distance == 0.0 && !none.fine_detail_db));
    CHECK((none.pixel_mm == NumberOrRange(0.0) && none.noise == NumberOrRange(0.0)));
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
