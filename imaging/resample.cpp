#include "imaging/resample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/divide_up.hpp"
#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

/// Keys 1981, a = −1/2.
double cubic(double x) {
    const double d = std::abs(x);
    if (d < 1.0) return (1.5 * d - 2.5) * d * d + 1.0;
    if (d < 2.0) return ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0;
    return 0.0;
}

}  // namespace

int mirrored_index(int i, int size) {
    const int period = 2 * size;
    const int phase = ((i % period) + period) % period;
    return phase < size ? phase : period - 1 - phase;
}

AxisResampler make_resampler(int input_size, int output_size, const std::function<double(int)>& position,
                             const std::function<double(double)>& kernel, double support) {
    require(input_size > 0 && output_size > 0 && support > 0.0, "resampler",
            fmt::format("cannot map {} samples onto {} with a kernel of support {}", input_size, output_size,
                        support));
    AxisResampler map;
    map.input_size = input_size;
    map.output_size = output_size;
    map.taps = std::max(1, static_cast<int>(std::ceil(2.0 * support)));
    for (int k = 0; k < output_size; ++k) {
        const double center = position(k);
        const int first = static_cast<int>(std::floor(center - support)) + 1;
        double sum = 0.0;
        for (int t = 0; t < map.taps; ++t) {
            const double distance = first + t - center;
            map.index.push_back(mirrored_index(first + t, input_size));
            map.weight.push_back(std::abs(distance) < support ? kernel(distance) : 0.0);
            sum += map.weight.back();
        }
        require(sum != 0.0, "resampler", fmt::format("the kernel vanishes on every sample of output {}", k));
        for (int t = 0; t < map.taps; ++t) map.weight[map.weight.size() - 1 - t] /= sum;
    }
    return map;
}

AxisResampler bicubic_enlarger(int input_size, int scale, Phase phase) {
    const double s = scale;
    const double shift = phase == Phase::center ? 0.5 / s - 0.5 : 0.0;
    return make_resampler(
        input_size, input_size * scale, [=](int k) { return k / s + shift; }, cubic, 2.0);
}

AxisResampler cubic_interpolator(int input_size, int output_size, double start, double step) {
    return make_resampler(
        input_size, output_size, [=](int k) { return start + k * step; }, cubic, 2.0);
}

AxisResampler identity_resampler(int size) {
    return make_resampler(
        size, size, [](int k) { return k; }, [](double) { return 1.0; }, 0.5);
}

AxisResampler bicubic_shrinker(int input_size, int scale, Phase phase) {
    const double s = scale;
    const double shift = phase == Phase::center ? 0.5 * (s - 1.0) : 0.0;
    return make_resampler(
        input_size, divide_up(input_size, scale), [=](int k) { return s * k + shift; },
        [=](double d) { return cubic(d / s); }, 2.0 * s);
}

Image resample(const Image& image, const AxisResampler& vertical, const AxisResampler& horizontal) {
    require(image.height == vertical.input_size && image.width == horizontal.input_size, "image",
            fmt::format("resampler expects {}×{}, image is {}×{}", vertical.input_size, horizontal.input_size,
                        image.height, image.width));
    Image result(vertical.output_size, horizontal.output_size);
    const auto width = static_cast<std::size_t>(image.width);
    std::vector<double> row(width);
    for (int y = 0; y < result.height; ++y) {
        std::fill(row.begin(), row.end(), 0.0);
        for (int t = 0; t < vertical.taps; ++t) {
            const std::size_t tap = static_cast<std::size_t>(y) * vertical.taps + t;
            const double weight = vertical.weight[tap];
            const float* source = image.pixels.data() + vertical.index[tap] * width;
            for (std::size_t x = 0; x < width; ++x) row[x] += weight * source[x];
        }
        for (int x = 0; x < result.width; ++x) {
            const std::size_t first = static_cast<std::size_t>(x) * horizontal.taps;
            double sum = 0.0;
            for (int t = 0; t < horizontal.taps; ++t) {
                sum +=
                    horizontal.weight[first + t] * row[static_cast<std::size_t>(horizontal.index[first + t])];
            }
            result.at(y, x) = static_cast<float>(sum);
        }
    }
    return result;
}

Image enlarge_bicubic(const Image& image, int scale, Phase phase) {
    require(scale >= 1, "image", fmt::format("cannot be enlarged {} times", scale));
    return resample(image, bicubic_enlarger(image.height, scale, phase),
                    bicubic_enlarger(image.width, scale, phase));
}

}  // namespace dnsp::imaging
