#include "benchmarks/rows/row.hpp"

#include <cmath>
#include <map>
#include <numbers>
#include <vector>

#include "base/philox.hpp"

namespace dnsp::benchmarks {
namespace {

std::map<std::string, RowFactory>& registry() {
    static std::map<std::string, RowFactory> kinds;
    return kinds;
}

}  // namespace

RowRegistration::RowRegistration(const std::string& kind, RowFactory factory) {
    registry()[kind] = std::move(factory);
}

std::unique_ptr<Row> make_row(const Parameters& parameters, Device device) {
    const auto kind = parameters.at("kind").get<std::string>();
    const auto found = registry().find(kind);
    require(found != registry().end(), "[benchmark] unknown kind of row: " + kind);
    return found->second(parameters, device);
}

Tensor wavy_images(std::int64_t batch, std::int64_t height, std::int64_t width, double noise,
                   std::uint64_t stream) {
    constexpr int waves = 5;
    const Philox random{1, stream}, noise_of{2, stream};
    std::vector<float> values(static_cast<std::size_t>(batch * height * width));
    std::size_t i = 0;
    for (std::int64_t n = 0; n < batch; ++n)
        for (std::int64_t y = 0; y < height; ++y)
            for (std::int64_t x = 0; x < width; ++x, ++i) {
                double value = 0.5;
                for (int w = 0; w < waves; ++w) {
                    const auto number = [&](int k) {
                        return random.uniform(static_cast<std::uint64_t>((n * waves + w) * 3 + k));
                    };
                    const double phase = 2 * std::numbers::pi * number(0);
                    value += 0.1 * std::sin(phase + 0.3 * number(1) * static_cast<double>(y) +
                                            0.3 * number(2) * static_cast<double>(x));
                }
                values[i] = static_cast<float>(value + noise * (noise_of.uniform(i) - 0.5));
            }
    return Tensor::from<float>({batch, height, width, 1}, values);
}

Tensor random_tensor(const Shape& shape, double scale, std::uint64_t stream) {
    const Philox random{1, stream};
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(scale * (2 * random.uniform(i) - 1));
    return Tensor::from<float>(shape, values);
}

}  // namespace dnsp::benchmarks
