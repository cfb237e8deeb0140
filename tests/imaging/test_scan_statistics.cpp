// What slices look like. Expected values: known noise, and NumPy's histogram.
#include "imaging/scan_statistics.hpp"

#include <numbers>

#include "base/philox.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp;
using namespace dnsp::imaging;

namespace {

/// A ramp with noise of a known σ, and a border without head.
Image noisy_ramp(double sigma) {
    const Philox random{1, 2};
    Image image(120, 100);
    for (int y = 8; y < 112; ++y)
        for (int x = 8; x < 92; ++x)
            image.at(y, x) = static_cast<float>(
                400 + 2 * x + 1.5 * y +
                sigma * random.normal(static_cast<std::uint64_t>(y) * 100 + static_cast<std::uint64_t>(x)));
    return image;
}

}  // namespace

TEST_CASE("the estimate of noise is near the true one and independent of ramps and background") {
    const Normalisation range{0.0f, 1000.0f};
    for (const double sigma : {5.0, 20.0, 60.0}) {
        const double noise = scan_statistics({noisy_ramp(sigma)}, range, 1.0).noise;
        INFO(sigma << ": " << noise);
        CHECK(std::abs(noise * 1000.0 / sigma - 1.0) < 0.03);
    }
    CHECK(scan_statistics({noisy_ramp(0.0)}, range, 1.0).noise < 1e-6);
    CHECK(scan_statistics({Image(20, 20)}, range, 1.0).noise == 0.0);
}

TEST_CASE("fine detail is the ratio of two bands of frequencies, without the noise") {
    // Cosines of 45 and 22 cycles in 100 pixels have .9 and .44 of the Nyquist frequency: one in each band. A
    // band along the rows has the 11 frequencies 40 to 50 (twice, without 50: 21 of 100 values), or the 10
    // frequencies 18 to 27 (20 values).
    const auto waves = [](double fine, double middle) {
        Image image(100, 100);
        for (int y = 0; y < 100; ++y)
            for (int x = 0; x < 100; ++x)
                image.at(y, x) = static_cast<float>(500 + fine * std::cos(2 * std::numbers::pi * 0.45 * x) +
                                                    middle * std::cos(2 * std::numbers::pi * 0.22 * x));
        return image;
    };
    // No pixel is above the level of the head, so that no noise is estimated.
    const Normalisation dark{1000.0f, 2000.0f};
    const double expected = 20 * std::log10(0.1) + 10 * std::log10(20.0 / 21.0);
    CHECK(std::abs(scan_statistics({waves(10, 100)}, dark, 1.0).fine_detail_db - expected) < 1e-4);
    CHECK(scan_statistics({waves(0, 100)}, dark, 1.0).fine_detail_db == -30.0);
    // The ratio does not depend on the unit of intensity.
    for (const auto& [fine, decibels] : {std::pair{10.0, expected}, {0.0, -30.0}}) {
        Image image = waves(fine, 100);
        for (float& x : image.pixels) x = 1e-5f * (x - 500.0f);
        CHECK(std::abs(scan_statistics({image}, dark, 1.0).fine_detail_db - decibels) < 1e-3);
    }
    // White noise adds its power to both bands, of which seven tenths are subtracted. The estimate of the
    // noise does not respond to waves along one axis. A wave of amplitude a adds a²/2 · 100² to the 42 · 100
    // values of the fine band, or to the 40 · 100 of the other one.
    const double sigma = 20.0, left = 0.3 * sigma * sigma;
    Image noisy = waves(10, 100);
    const Philox random{3, 4};
    for (std::size_t i = 0; i < noisy.pixels.size(); ++i)
        noisy.pixels[i] += static_cast<float>(sigma * random.normal(i));
    const double with_noise = 10 * std::log10((50e4 / 4200 + left) / (5000e4 / 4000 + left));
    CHECK(std::abs(scan_statistics({noisy}, {0.0f, 1000.0f}, 1.0).fine_detail_db - with_noise) < 0.6);
}

TEST_CASE("the histogram is the cumulative one of the head's pixels") {
    Image image(1, 6);
    image.pixels = {0.0f, 0.05f, 0.12f, 0.32f, 0.98f, 3.0f};
    const auto histogram = scan_statistics({image}, {0.0f, 1.0f}, 0.0).histogram;
    REQUIRE(histogram.size() == 22);
    // numpy.searchsorted([.12, .32, .98, 3], .1 + .05·k) / 4
    CHECK(histogram[0] == 0.25);
    CHECK(histogram[3] == 0.25);
    CHECK(histogram[4] == 0.5);
    CHECK(histogram[16] == 0.5);
    CHECK(histogram[17] == 0.75);
    CHECK(histogram[21] == 0.75);
    std::vector<double> other = histogram;
    for (double& x : other) x = std::min(1.0, x + 0.1);
    CHECK(std::abs(histogram_distance(histogram, other) - 22 * 0.05 * 0.1) < 1e-12);
    CHECK_THROWS_AS(histogram_distance(histogram, {1.0}), FileError);
}
