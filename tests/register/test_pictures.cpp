#include <algorithm>

#include "tests/catch.hpp"
#include "tests/register/phantom.hpp"
#include "tools/register/registration.hpp"

using namespace dnsp;
using namespace dnsp::testing;
using tools::register_pictures;
using tools::Registration;

namespace {

/// (column, row) of the moving picture = matrix · (column, row, 1) of the fixed picture.
struct PlaneMap {
    double xx, xy, x0, yx, yy, y0;
    std::array<double, 2> inverse(double x, double y) const {
        const double determinant = xx * yy - xy * yx;
        return {(yy * (x - x0) - xy * (y - y0)) / determinant, (xx * (y - y0) - yx * (x - x0)) / determinant};
    }
};

/// An axial section; the fixed picture has .75 mm pixels, its pixel (110, 130) shows the middle of the head.
imaging::Image section(int height, int width, const PlaneMap& map, Contrast contrast, double noise) {
    imaging::Image image(height, width);
    const Philox random{5, 0};
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const auto [u, v] = map.inverse(x, y);
            image.at(y, x) = static_cast<float>(
                1000 * head_intensity({0.75 * (u - 110), 0.75 * (v - 130), 5.0}, contrast) +
                1000 * noise * random.normal(static_cast<std::uint64_t>(y) * width + x));
        }
    return image;
}

PlaneMap similarity(double scale, double degrees, double x_of_middle, double y_of_middle) {
    const double c = scale * std::cos(degrees * std::numbers::pi / 180),
                 s = scale * std::sin(degrees * std::numbers::pi / 180);
    return {c, -s, x_of_middle - c * 110 + s * 130, s, c, y_of_middle - s * 110 - c * 130};
}

double largest_error(const Registration& r, const PlaneMap& map) {
    double largest = 0.0;
    for (double x = 40; x <= 180; x += 10)
        for (double y = 50; y <= 210; y += 10)
            largest = std::max(largest, std::hypot(r.matrix[0][0] * x + r.matrix[0][1] * y + r.matrix[0][2] -
                                                       map.xx * x - map.xy * y - map.x0,
                                                   r.matrix[1][0] * x + r.matrix[1][1] * y + r.matrix[1][2] -
                                                       map.yx * x - map.yy * y - map.y0));
    return largest;
}

const PlaneMap same{1, 0, 0, 0, 1, 0};
imaging::Image fixed_section() { return section(260, 220, same, Contrast::same, 0.0); }

}  // namespace

TEST_CASE("a known similarity of pictures of other sizes is found") {
    // The first is coarser than the fixed picture, as a low-field scan is; the second one is finer.
    for (const auto& [map, height, width] : {std::tuple{similarity(0.49, 7, 60, 68), 128, 128},
                                             std::tuple{similarity(1.6, -5, 190, 215), 420, 380}}) {
        for (const Contrast contrast : {Contrast::same, Contrast::inverted}) {
            const imaging::Image moving = section(height, width, map, contrast, 0.03);
            const auto result = register_pictures(fixed_section(), moving, {});
            const Registration& r = result.registration;
            CAPTURE(width, static_cast<int>(contrast), r.scale);
            CHECK(largest_error(r, map) < 0.3);  // moving pixels
            CHECK(r.scale == Approx(std::hypot(map.xx, map.yx)).epsilon(0.005));
            CHECK(r.rotation_degrees[0] ==
                  Approx(std::atan2(map.yx, map.xx) * 180 / std::numbers::pi).margin(0.3));
            CHECK(r.warnings.empty());
            CHECK(r.transform == tools::TransformKind::similarity);
            CHECK((result.image.height == 260 && result.image.width == 220));
        }
    }
}

TEST_CASE("a known affine map of pictures is found, also from the fields of view") {
    const PlaneMap map{0.52, -0.03, 10, 0.05, 0.46, 8};
    const imaging::Image moving = section(128, 116, map, Contrast::root, 0.02);
    for (const auto start :
         {tools::RegistrationOptions::Start::moments, tools::RegistrationOptions::Start::header}) {
        const Registration r = register_pictures(fixed_section(), moving,
                                                 {.transform = tools::TransformKind::affine, .start = start})
                                   .registration;
        CHECK(largest_error(r, map) < 0.3);
        CHECK(r.levels.back().transform == tools::TransformKind::affine);
    }
}

TEST_CASE("pictures of equal pixels are registered rigidly, bitwise reproducibly") {
    const PlaneMap map = similarity(1, 4, 100, 126);
    const imaging::Image moving = section(250, 210, map, Contrast::same, 0.02);
    const tools::RegistrationOptions options{.transform = tools::TransformKind::rigid};
    const auto first = register_pictures(fixed_section(), moving, options);
    CHECK(largest_error(first.registration, map) < 0.3);
    CHECK(first.registration.scale == Approx(1.0).epsilon(1e-12));
    const auto second = register_pictures(fixed_section(), moving, options);
    CHECK(first.registration.matrix == second.registration.matrix);
    CHECK(first.image.pixels == second.image.pixels);
}

TEST_CASE("tiny pictures are refused") {
    const imaging::Image tiny = imaging::crop(fixed_section(), 100, 100, 15, 40);
    CHECK_THROWS_WITH(register_pictures(fixed_section(), tiny, {}), ContainsSubstring("16"));
}
