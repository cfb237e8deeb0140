#include <limits>

#include "base/error.hpp"
#include "models/classical/method.hpp"
#include "tests/classical/synthetic.hpp"

using namespace dnsp;
using namespace dnsp::testing;
using classical::make_method;

TEST_CASE("methods are made from text, with errors that name what is known") {
    CHECK_NOTHROW(make_method("bicubic"));
    CHECK_NOTHROW(make_method("back-projection:steps=3,step=0.25"));
    const std::string unknown = complaint([] { make_method("cubic:steps=1"); });
    CHECK(contains(unknown, "'cubic'"));
    CHECK(contains(unknown, "back-projection, bicubic"));
    const std::string option = complaint([] { make_method("back-projection:step=1,length=2"); });
    CHECK(contains(option, "'length'"));
    CHECK(contains(option, "steps, step"));
    CHECK(contains(complaint([] { make_method("bicubic:steps=1"); }), "no options, got 'steps'"));
    for (const char* text :
         {"", "bicubic:", "back-projection:steps", "back-projection:steps=", "back-projection:=3",
          "back-projection:steps=1,steps=2", "back-projection:steps=1.5", "back-projection:steps=-1",
          "back-projection:step=0", "back-projection:step=2", "back-projection:step=nan",
          "back-projection:step=inf", "back-projection:step=1e", "back-projection:steps=99999999999"}) {
        INFO(text);
        CHECK_THROWS_AS(make_method(text), Error);
    }
}

TEST_CASE("the help names every method, its options and their defaults") {
    const std::string help = classical::method_help();
    CHECK(contains(help, "bicubic: "));
    CHECK(contains(help, "back-projection: "));
    CHECK(contains(help, "\n  steps=40: "));
    CHECK(contains(help, "\n  step=0.5: "));
}

TEST_CASE("methods refuse empty slices, values that are not finite and invalid degradations") {
    const auto method = make_method("bicubic");
    const auto degradation = imaging::make_degradation("gaussian", 2);
    CHECK(contains(complaint([&] { method->enlarge({}, degradation); }), "empty"));
    imaging::Image low(3, 4, 0.5f);
    low.at(1, 2) = std::numeric_limits<float>::quiet_NaN();
    CHECK(contains(complaint([&] { method->enlarge(low, degradation); }), "not finite"));
    CHECK(contains(complaint([&] { enlarge_all(*method, std::vector{low}, degradation); }), "not finite"));
    auto five = degradation;
    five.scale = 5;
    CHECK(contains(complaint([&] { method->enlarge(imaging::Image(3, 4), five); }), "scale 5"));
}

TEST_CASE("bicubic equals enlarge_bicubic, also for several slices at once") {
    const auto method = make_method("bicubic");
    const imaging::Plane high = waves_and_disc();
    for (const char* preset : {"gaussian", "gaussian-corner"}) {
        const auto degradation = imaging::make_degradation(preset, 4);
        const imaging::Image low = degrade(imaging::to_image(high), degradation);
        const auto enlarged = enlarge_all(*method, std::vector{low, low}, degradation);
        REQUIRE(enlarged.size() == 2);
        for (const imaging::Image& image : enlarged)
            CHECK(image.pixels == enlarge_bicubic(low, 4, degradation.phase).pixels);
    }
}
