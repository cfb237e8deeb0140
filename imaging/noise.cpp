#include "imaging/noise.hpp"

#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/philox.hpp"

namespace dnsp::imaging {
namespace {

/// random.normal(2·pair) and random.normal(2·pair + 1), which share their random numbers.
std::pair<double, double> normal_pair(const Philox& random, std::size_t pair) {
    const double radius = std::sqrt(-2.0 * std::log(random.uniform(2 * pair)));
    const double angle = 2.0 * std::numbers::pi * random.uniform(2 * pair + 1);
    return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace

std::uint64_t content_hash(const Image& image) {
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
    const auto add = [&](std::uint32_t word) {
        for (int byte = 0; byte < 4; ++byte) {
            hash ^= (word >> (8 * byte)) & 0xff;
            hash *= 0x0000'0100'0000'01b3;
        }
    };
    add(static_cast<std::uint32_t>(image.height));
    add(static_cast<std::uint32_t>(image.width));
    for (const float pixel : image.pixels) add(std::bit_cast<std::uint32_t>(pixel));
    return hash;
}

void add_rician_noise(Image& image, double sigma, std::uint64_t seed, std::uint64_t stream) {
    if (sigma == 0.0) return;
    const Philox random{seed, stream};
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        const auto [first, second] = normal_pair(random, i);
        const double real = image.pixels[i] + sigma * first, imaginary = sigma * second;
        image.pixels[i] = static_cast<float>(std::sqrt(real * real + imaginary * imaginary));
    }
}

}  // namespace dnsp::imaging
