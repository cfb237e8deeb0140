#include <numeric>

#include "imaging/patches.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

TEST_CASE("patches lie on the grid and hold enough foreground") {
    const auto& json = expected()["patches"];
    const Image image = image_of(json["image"]);
    CHECK(std::abs(foreground_fraction(image, json["threshold"]) - json["foreground"].get<double>()) <=
          1e-12);
    const auto corners =
        patch_corners(image, json["size"], json["stride"], json["threshold"], json["fraction"]);
    REQUIRE(corners.size() == json["corners"].size());
    for (std::size_t i = 0; i < corners.size(); ++i) {
        CHECK(corners[i].y == json["corners"][i][0].get<int>());
        CHECK(corners[i].x == json["corners"][i][1].get<int>());
    }
    CHECK(patch_corners(image, 31, 1, 0.0f, 0.0).empty());
    CHECK(patch_corners(image, 30, 7, -1.0f, 1.0).size() == 2);
    CHECK(patch_corners(image, 1, 1, -1.0f, 1.0).size() == image.pixels.size());
    CHECK(contains(complaint([&] { patch_corners(image, 0, 1, 0.0f, 0.0); }), "size 0"));
    CHECK(contains(complaint([&] { patch_corners(image, 1, 0, 0.0f, 0.0); }), "stride 0"));
    CHECK(contains(complaint([&] { foreground_fraction(Image(), 0.0f); }), "no pixels"));
}

TEST_CASE("the sharpest and the smoothest patch agree with SciPy's convolution") {
    const auto& json = expected()["patches"];
    const Image image = image_of(json["image"]);
    const int size = json["size"];
    const auto pair =
        select_sharp_and_smooth(image, size, json["stride"], json["threshold"], json["fraction"]);
    REQUIRE(pair.has_value());
    const auto check = [&](const Image& patch, double response, const nlohmann::json& wanted) {
        CHECK(std::abs(response - wanted["response"].get<double>()) <= 1e-9);
        CHECK(largest_difference(patch, crop(image, wanted["y"], wanted["x"], size, size)) == 0.0);
    };
    check(pair->sharp, pair->sharp_response, json["sharp"]);
    check(pair->smooth, pair->smooth_response, json["smooth"]);
    CHECK_FALSE(select_sharp_and_smooth(image, size, 1, 2.0f, 0.5).has_value());
    CHECK(select_sharp_and_smooth(image, 3, 1, -1.0f, 1.0).has_value());
    CHECK(contains(complaint([&] { select_sharp_and_smooth(image, 2, 1, -1.0f, 1.0); }), "no inner pixel"));
}

TEST_CASE("the symmetries are NumPy's flips and transposes") {
    for (const auto& json : expected()["symmetries"]) {
        INFO("symmetry " << json["code"]);
        CHECK(largest_difference(apply_symmetry(image_of(json["input"]), json["code"]),
                                 image_of(json["output"])) == 0.0);
    }
    Image rectangle(2, 3);
    std::iota(rectangle.pixels.begin(), rectangle.pixels.end(), 0.0f);
    for (int symmetry = 0; symmetry < 8; ++symmetry) {
        const Image turned = apply_symmetry(rectangle, symmetry);
        CHECK(turned.height == (symmetry < 4 ? 2 : 3));
        CHECK(apply_symmetry(turned, inverse_symmetry(symmetry)).pixels == rectangle.pixels);
    }
    // 0 1 2 / 3 4 5, transposed, then its columns mirrored: 3 0 / 4 1 / 5 2
    CHECK(apply_symmetry(rectangle, 5).pixels == std::vector<float>{3, 0, 4, 1, 5, 2});
    for (const int symmetry : {-1, 8})
        CHECK(contains(complaint([&] { apply_symmetry(Image(3, 3), symmetry); }), "0…7"));
}
