#include "imaging/kspace.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

constexpr double fermi_radius = 0.9, fermi_width = 0.05;

double window_factor(KspaceWindow window, double r) {
    switch (window) {
        case KspaceWindow::hamming:
            return 0.54 + 0.46 * std::cos(std::numbers::pi * r);
        case KspaceWindow::fermi:
            return 1.0 / (1.0 + std::exp((r - fermi_radius) / fermi_width));
        default:
            return 1.0;
    }
}

}  // namespace

AxisResampler kspace_cropper(int size, int scale, Phase phase, KspaceWindow window) {
    require(size > 0 && scale > 0 && size % scale == 0, "k-space",
            fmt::format("{} samples are not a multiple of the scale {}", size, scale));
    const int kept = size / scale;
    const double largest = std::max(1.0, 0.5 * kept);
    const double shift = phase == Phase::center ? 0.5 * (scale - 1) : 0.0;
    // The response to an impulse at a distance of t samples from the position of output 0.
    std::vector<double> response(static_cast<std::size_t>(size));
    double sum = 0.0;
    for (int t = 0; t < size; ++t) {
        double value = window_factor(window, 0.0);
        for (int f = 1; 2 * f <= kept; ++f) {
            const double both = 2 * f == kept ? 1.0 : 2.0;  // negative and positive frequency
            value += both * window_factor(window, f / largest) *
                     std::cos(2.0 * std::numbers::pi * f * (t - shift) / size);
        }
        response[static_cast<std::size_t>(t)] = value;
        sum += value;
    }
    AxisResampler map{size, kept, size, {}, {}};
    for (int k = 0; k < kept; ++k)
        for (int t = 0; t < size; ++t) {
            map.index.push_back(t);
            map.weight.push_back(response[static_cast<std::size_t>((t - scale * k + size) % size)] / sum);
        }
    return map;
}

}  // namespace dnsp::imaging
