#include "imaging/linear_match.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace dnsp;
using imaging::Image;

TEST_CASE("a linear match is the least-squares line") {
    Image image(2, 2), target(2, 2);
    image.pixels = {1, 2, 3, 5};
    target.pixels = {2, 3, 7, 9};
    // numpy.polyfit([1, 2, 3, 5], [2, 3, 7, 9], 1) = [1.85714286, 0.14285714]
    const Image matched = imaging::linear_match(image, target);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(matched.pixels[i] == Approx(1.85714286 * image.pixels[i] + 0.14285714).epsilon(1e-6));
    CHECK(imaging::linear_match(Image(2, 2, 4.0f), target).pixels == std::vector<float>(4, 5.25f));
    CHECK_THROWS_AS(imaging::linear_match(image, Image(2, 3)), FileError);
}

TEST_CASE("a linear match undoes a change of scale") {
    Image target(3, 2), image(3, 2);
    target.pixels = {0, 10, 40, 20, 5, 90};
    for (std::size_t i = 0; i < 6; ++i) image.pixels[i] = -2 * target.pixels[i] + 7;
    const Image matched = imaging::linear_match(image, target);
    for (std::size_t i = 0; i < 6; ++i) CHECK(matched.pixels[i] == Approx(target.pixels[i]).margin(1e-4));
}
