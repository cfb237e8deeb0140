#include "imaging/fourier.hpp"

#include <numbers>

#include "base/philox.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp;
using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

Image random_image(int height, int width) {
    Image image(height, width);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = static_cast<float>(Philox{3, 4}.uniform(i));
    return image;
}

/// The definition, pixel by pixel.
std::complex<double> coefficient(const Image& image, int u, int v) {
    std::complex<double> sum = 0.0;
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) {
            const double turns =
                static_cast<double>(u) * y / image.height + static_cast<double>(v) * x / image.width;
            sum += static_cast<double>(image.at(y, x)) * std::polar(1.0, -2.0 * std::numbers::pi * turns);
        }
    return sum / std::sqrt(static_cast<double>(image.height) * image.width);
}

}  // namespace

TEST_CASE("the Fourier transform equals its definition for every kind of size") {
    for (const auto& [height, width] :
         std::vector<std::pair<int, int>>{{1, 1}, {1, 7}, {5, 1}, {8, 8}, {12, 9}, {13, 17}, {2, 31}}) {
        INFO(height << "×" << width);
        const Image image = random_image(height, width);
        const ComplexImage spectrum = fourier_transform(image);
        REQUIRE(spectrum.height == height);
        REQUIRE(spectrum.width == width);
        for (int u = 0; u < height; ++u)
            for (int v = 0; v < width; ++v)
                CHECK(std::abs(spectrum.values[static_cast<std::size_t>(u * width + v)] -
                               coefficient(image, u, v)) < 1e-13);
    }
}

TEST_CASE("the inverse Fourier transform restores the image, and both keep the sum of squares") {
    const Image image = random_image(97, 60);
    const ComplexImage spectrum = fourier_transform(image);
    const ComplexImage restored = inverse_fourier_transform(spectrum);
    double image_energy = 0.0, spectrum_energy = 0.0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        CHECK(std::abs(restored.values[i] - static_cast<double>(image.pixels[i])) < 1e-14);
        image_energy += static_cast<double>(image.pixels[i]) * image.pixels[i];
        spectrum_energy += std::norm(spectrum.values[i]);
    }
    CHECK(std::abs(spectrum_energy / image_energy - 1.0) < 1e-13);
}

TEST_CASE("the Fourier transform refuses images without pixels") {
    CHECK(contains(complaint([] { fourier_transform(Image()); }), "no pixels"));
    CHECK(contains(complaint([] { inverse_fourier_transform({2, 2, {1.0, 2.0}}); }), "height × width"));
}
