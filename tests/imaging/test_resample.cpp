#include "imaging/resample.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

TEST_CASE("bicubic enlargement and shrinking follow MATLAB's imresize") {
    for (const auto& json : expected()["bicubic"]) {
        const Image image = image_of(json["input"]);
        const int factor = json["factor"];
        const Phase phase = json["corner"].get<bool>() ? Phase::corner : Phase::center;
        INFO(image.height << "x" << image.width << " by " << factor
                          << (phase == Phase::corner ? " corner" : ""));
        CHECK(largest_difference(enlarge_bicubic(image, factor, phase), image_of(json["enlarged"])) <= 1e-6);
        const Image shrunk = resample(image, bicubic_shrinker(image.height, factor, phase),
                                      bicubic_shrinker(image.width, factor, phase));
        CHECK(largest_difference(shrunk, image_of(json["shrunk"])) <= 1e-6);
    }
}

TEST_CASE("the weights of a doubled and of a halved line are the known fractions") {
    const AxisResampler twice = bicubic_enlarger(8, 2, Phase::center);
    REQUIRE(twice.taps == 4);
    // Output 6 lies at 2.75: taps 1 … 4.
    const std::vector<double> enlarging = {-3.0 / 128, 29.0 / 128, 111.0 / 128, -9.0 / 128};
    for (int t = 0; t < 4; ++t) {
        CHECK(twice.index[6 * 4 + t] == 1 + t);
        CHECK(std::abs(twice.weight[6 * 4 + t] - enlarging[t]) <= 1e-15);
    }
    const AxisResampler half = bicubic_shrinker(16, 2, Phase::center);
    REQUIRE(half.taps == 8);
    const std::vector<double> shrinking = {-3.0 / 256,  -9.0 / 256, 29.0 / 256, 111.0 / 256,
                                           111.0 / 256, 29.0 / 256, -9.0 / 256, -3.0 / 256};
    for (int t = 0; t < 8; ++t) {
        CHECK(half.index[3 * 8 + t] == 3 + t);
        CHECK(std::abs(half.weight[3 * 8 + t] - shrinking[t]) <= 1e-15);
    }
}

TEST_CASE("borders mirror with the edge sample repeated for any kernel width") {
    const auto map = make_resampler(
        3, 1, [](int) { return 0.0; }, [](double) { return 1.0; }, 7.5);
    // Samples −7 … 7 of … 2 2 1 0 0 1 2 2 1 0 | 0 1 2 2 1 0 0 1.
    const std::vector<int> indices = {0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1};
    REQUIRE(map.taps == static_cast<int>(indices.size()));
    CHECK(map.index == indices);
    for (const double weight : map.weight) CHECK(std::abs(weight - 1.0 / 15.0) <= 1e-15);
}

TEST_CASE("a map of an axis needs samples and a kernel") {
    const auto refusal = [](int input, int output, double support, double weight = 1.0) {
        return complaint([&] {
            make_resampler(
                input, output, [](int k) { return k; }, [&](double) { return weight; }, support);
        });
    };
    CHECK(contains(refusal(0, 1, 2.0), "cannot map 0 samples onto 1"));
    CHECK(contains(refusal(1, 0, 2.0), "cannot map 1 samples onto 0"));
    CHECK(contains(refusal(1, 1, 0.0), "support 0"));
    CHECK(contains(refusal(1, 1, 1.0, 0.0), "vanishes"));
    CHECK(refusal(1, 1, 0.5) == "(no FileError)");
    CHECK(contains(complaint([] { enlarge_bicubic(Image(2, 2), 0); }), "0 times"));
    CHECK(largest_difference(enlarge_bicubic(Image(2, 3, 4.0f), 1), Image(2, 3, 4.0f)) <= 1e-6);
}

TEST_CASE("a constant image remains constant, and sizes are checked") {
    const Image flat(5, 7, 3.25f);
    CHECK(largest_difference(enlarge_bicubic(flat, 3), Image(15, 21, 3.25f)) <= 1e-6);
    CHECK(contains(complaint([&] {
                       resample(flat, bicubic_enlarger(4, 2, Phase::center),
                                bicubic_enlarger(7, 2, Phase::center));
                   }),
                   "4×7"));
    CHECK(contains(complaint([&] {
                       resample(flat, bicubic_enlarger(5, 2, Phase::center),
                                bicubic_enlarger(6, 2, Phase::center));
                   }),
                   "5×6"));
}

TEST_CASE("crops are taken at the given rectangle or at a multiple of the scale") {
    Image image(5, 7);
    for (int i = 0; i < 35; ++i) image.pixels[i] = static_cast<float>(i);
    const Image part = crop(image, 1, 2, 2, 3);
    CHECK(part.pixels == std::vector<float>{9, 10, 11, 16, 17, 18});
    const Image multiple = crop_to_multiple(image, 3);
    CHECK(multiple.height == 3);
    CHECK(multiple.width == 6);
    CHECK(multiple.at(2, 5) == 19.0f);
    CHECK(contains(complaint([&] { crop(image, 4, 0, 2, 2); }), "5×7"));
    CHECK(contains(complaint([&] { crop(image, 0, 5, 2, 3); }), "5×7"));
    CHECK(contains(complaint([&] { crop(image, -1, 0, 2, 2); }), "(-1, 0)"));
    CHECK(contains(complaint([&] { crop(image, 0, -1, 2, 2); }), "(0, -1)"));
    CHECK(crop(image, 5, 7, 0, 0).pixels.empty());
    CHECK(crop(image, 0, 0, 5, 7).pixels == image.pixels);
    CHECK(contains(complaint([&] { crop_to_multiple(image, 6); }), "scale 6"));
    CHECK(contains(complaint([&] { crop_to_multiple(transposed(image), 6); }), "scale 6"));
    CHECK(contains(complaint([&] { crop_to_multiple(image, 0); }), "multiple of 0"));
    CHECK(crop_to_multiple(image, 1).pixels == image.pixels);
    CHECK(crop_to_multiple(image, 5).width == 5);
}
