#include "imaging/metrics.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

TEST_CASE("PSNR and SSIM equal scikit-image's") {
    for (const auto& json : expected()["metrics"]) {
        const Image reference = image_of(json["reference"]);
        const Image image = image_of(json["image"]);
        const MetricConvention convention{json["data_range"], json["border_shave"]};
        INFO(reference.height << "x" << reference.width << ", range " << convention.data_range);
        CHECK(std::abs(psnr(reference, image, convention) - json["psnr"].get<double>()) <= 1e-9);
        CHECK(std::abs(ssim(reference, image, convention) - json["ssim"].get<double>()) <= 1e-9);
    }
}

TEST_CASE("equal images have infinite PSNR and SSIM one") {
    const Image image = image_of(expected()["metrics"][0]["image"]);
    CHECK(std::isinf(psnr(image, image, {})));
    CHECK(std::abs(ssim(image, image, {}) - 1.0) <= 1e-12);
}

TEST_CASE("a map of SSIM has a value for each place of the window") {
    const Image image = image_of(expected()["metrics"][0]["image"]);
    const Image part = crop(image, 0, 0, 14, 12);
    const SsimMap map = ssim_map(part, part, {});
    CHECK((map.height == 4 && map.width == 2));
    REQUIRE(map.values.size() == 8);
    for (const double value : map.values) CHECK(std::abs(value - 1.0) <= 1e-12);
    const SsimMap shaved = ssim_map(Image(16, 13, 1.0f), Image(16, 13, 2.0f), {1.0, 1});
    CHECK((shaved.height == 4 && shaved.width == 1 && shaved.values.size() == 4));
    // Of constants a and b: (2ab + c1)/(a² + b² + c1).
    for (const double value : shaved.values) CHECK(std::abs(value - 4.0001 / 5.0001) <= 1e-12);
    VolumeSsim volume(1.0);
    for (int plane = 1; plane <= 12; ++plane) {
        const SsimMap planes = volume.add(part, part);
        CHECK((planes.height == (plane < 11 ? 0 : 4) && planes.width == (plane < 11 ? 0 : 2)));
    }
}

TEST_CASE("PSNR of a known error has the known value") {
    const Image reference(4, 5, 10.0f);
    const Image image(4, 5, 12.0f);
    CHECK(std::abs(psnr(reference, image, {200.0, 0}) - 40.0) <= 1e-12);
    CHECK(std::abs(psnr(reference, image, {200.0, 1}) - 40.0) <= 1e-12);
}

TEST_CASE("images that cannot be compared are refused") {
    const Image image(20, 12, 1.0f);
    CHECK(contains(complaint([&] { psnr(image, Image(12, 20), {}); }), "20×12"));
    CHECK(contains(complaint([&] { ssim(image, image, {1.0, 1}); }), "11×11"));
    CHECK(contains(complaint([&] { psnr(image, image, {1.0, 6}); }), "shave"));
    CHECK(contains(complaint([&] { psnr(image, image, {1.0, -1}); }), "shave"));
    CHECK(contains(complaint([&] { psnr(Image(12, 20), Image(12, 20), {1.0, 6}); }), "shave"));
    CHECK(contains(complaint([&] { psnr(image, Image(20, 13), {}); }), "20×13"));
    CHECK(contains(complaint([&] { psnr(image, Image(21, 12), {}); }), "21×12"));
    CHECK(contains(complaint([&] { ssim(Image(10, 11), Image(10, 11), {}); }), "11×11"));
    CHECK(contains(complaint([&] { psnr(image, image, {0.0, 0}); }), "data range"));
}

TEST_CASE("the convention is one sentence with all constants") {
    const std::string sentence = describe(MetricConvention{4095.0, 3});
    for (const std::string part : {"data range 4095", "11×11", "1.5", "0.01", "0.03", "3 pixels"}) {
        CHECK(contains(sentence, part));
    }
    CHECK(contains(describe({1.0, 0}, "that of the volume"), "data range that of the volume, no border"));
}
