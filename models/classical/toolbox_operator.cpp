#include "models/classical/toolbox_operator.hpp"

#include <cmath>
#include <vector>

namespace dnsp::classical {
namespace {

/// exp(−9²/2) is 3e-18: the rest of the Gaussian does not change a double.
constexpr int radius = 9;

imaging::AxisResampler toolbox_resampler(int size, int scale) {
    std::vector<double> weight(static_cast<std::size_t>(2 * radius + scale), 0.0);
    double sum = 0.0;
    for (int d = -radius; d <= radius; ++d) {
        const double value = std::exp(-0.5 * d * d);
        for (int j = 0; j < scale; ++j) weight[static_cast<std::size_t>(radius + d + j)] += value;
        sum += scale * value;
    }
    imaging::AxisResampler map;
    map.input_size = size;
    map.output_size = size / scale;
    map.taps = static_cast<int>(weight.size());
    for (int k = 0; k < map.output_size; ++k)
        for (int t = 0; t < map.taps; ++t) {
            const int position = (k * scale - radius + t) % size;
            map.index.push_back(position < 0 ? position + size : position);
            map.weight.push_back(weight[static_cast<std::size_t>(t)] / sum);
        }
    return map;
}

}  // namespace

imaging::SeparableOperator toolbox_operator(int height, int width, int scale) {
    return {toolbox_resampler(height, scale), toolbox_resampler(width, scale)};
}

imaging::Plane repeat(const imaging::Plane& low, int scale) {
    imaging::Plane high(low.rows() * scale, low.cols() * scale);
    for (Eigen::Index y = 0; y < high.rows(); ++y)
        for (Eigen::Index x = 0; x < high.cols(); ++x) high(y, x) = low(y / scale, x / scale);
    return high;
}

}  // namespace dnsp::classical
