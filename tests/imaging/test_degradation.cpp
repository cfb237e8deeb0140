#include "imaging/degradation.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

TEST_CASE("every preset equals its plain double sum") {
    const auto& json = expected()["degradations"];
    const Image image = image_of(json["image"]);
    for (const auto& entry : json["cases"]) {
        const auto degradation = make_degradation(entry["preset"], entry["scale"]);
        INFO(degradation.preset << " x" << degradation.scale);
        CHECK(largest_difference(degrade(image, degradation), image_of(entry["low"])) <= 1e-6);
        CHECK(largest_difference(degrade_and_enlarge(image, degradation), image_of(entry["enlarged"])) <=
              2e-6);
    }
}

TEST_CASE("a degradation survives its description") {
    for (const std::string& preset : degradation_presets()) {
        for (const int scale : {2, 3, 4}) {
            auto degradation = make_degradation(preset, scale);
            if (preset == "gaussian") degradation.sigma = 0.1 + 0.2;
            const auto copy = parse_degradation(describe(degradation));
            CHECK(copy.preset == degradation.preset);
            CHECK(copy.kernel == degradation.kernel);
            CHECK(copy.sigma == degradation.sigma);
            CHECK(copy.scale == degradation.scale);
            CHECK(copy.phase == degradation.phase);
        }
    }
    CHECK(make_degradation("gaussian", 3).sigma == 1.5);
    CHECK(make_degradation("gaussian", 3).phase == Phase::center);
    CHECK(make_degradation("gaussian-corner", 3).phase == Phase::corner);
}

TEST_CASE("unknown presets, scales and descriptions are refused") {
    const std::string sentence = complaint([] { make_degradation("blur", 2); });
    CHECK(contains(sentence, "\"blur\""));
    for (const std::string& preset : degradation_presets()) CHECK(contains(sentence, preset));
    for (const int scale : {-1, 0, 1, 5}) {
        CHECK(contains(complaint([&] { make_degradation("box", scale); }), "2, 3 or 4"));
    }
    auto description = describe(make_degradation("gaussian", 2));
    const auto with = [&](const std::string& key, const std::string& value) {
        auto changed = description;
        changed[key] = value;
        return complaint([&] { parse_degradation(changed); });
    };
    CHECK(contains(with("kernel", "cone"), "unknown kernel \"cone\""));
    CHECK(contains(with("phase", ""), "phase"));
    CHECK(contains(with("sigma", "wide"), "sigma \"wide\""));
    CHECK(contains(with("sigma", "-1"), "sigma -1"));
    CHECK(contains(with("sigma", "nan"), "sigma nan"));
    CHECK(contains(with("scale", "2.5"), "scale \"2.5\""));
    description.erase("sigma");
    CHECK(contains(complaint([&] { parse_degradation(description); }), "lacks \"sigma\""));
}

TEST_CASE("sides must be multiples of the scale") {
    CHECK(contains(complaint([] { degrade(Image(9, 8), make_degradation("box", 2)); }), "9×8"));
    CHECK(contains(complaint([] { degrade(Image(), make_degradation("box", 2)); }), "0×0"));
}
