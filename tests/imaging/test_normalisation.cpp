#include "imaging/normalisation.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

TEST_CASE("percentiles are NumPy's nearest-rank ones") {
    for (const auto& json : expected()["percentiles"]) {
        const auto values = json["values"].get<std::vector<float>>();
        const Normalisation normalisation = percentile_normalisation(values, "scan");
        INFO(values.size() << " values");
        CHECK(normalisation.low == json["low"].get<float>());
        CHECK(normalisation.high == json["high"].get<float>());
    }
}

TEST_CASE("the range is minimum to maximum if the percentiles coincide") {
    std::vector<float> values(5000, 7.0f);
    values[17] = 9.0f;
    const Normalisation normalisation = percentile_normalisation(values, "scan");
    CHECK(normalisation.low == 7.0f);
    CHECK(normalisation.high == 9.0f);
}

TEST_CASE("values without a range are refused") {
    CHECK(complaint([] { percentile_normalisation(std::vector<float>(10, 4.0f), "a.nii"); }) ==
          "a.nii: all intensities are equal");
    CHECK(contains(complaint([] { percentile_normalisation({}, "a.nii"); }), "a.nii: "));
    const std::vector<float> holes = {1.0f, NAN, 2.0f};
    CHECK(contains(complaint([&] { percentile_normalisation(holes, "a.nii"); }), "a.nii: "));
}

TEST_CASE("normalise and restore are inverse and do not clip") {
    const Normalisation normalisation{100.0f, 300.0f};
    std::vector<float> values = {0.0f, 100.0f, 200.0f, 300.0f, 500.0f};
    const auto original = values;
    normalise(values, normalisation);
    CHECK(values == std::vector<float>{-0.5f, 0.0f, 0.5f, 1.0f, 2.0f});
    restore(values, normalisation);
    CHECK(values == original);
}
