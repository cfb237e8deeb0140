#include "imaging/bias_field.hpp"

#include <cmath>
#include <numbers>

namespace dnsp::imaging {
namespace {

constexpr std::array<std::array<int, 3>, 9> orders{
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}, {2, 0, 0}, {0, 2, 0}, {0, 0, 2}}};

/// The middle of sample i of n, in [0, 1].
double place(int i, int n) { return (i + 0.5) / n; }

}  // namespace

BiasField::BiasField(double strength, const Philox& random) : strength_(strength) {
    double sum = 0.0;
    for (std::size_t t = 0; t < terms; ++t) {
        coefficients_[t] = random.normal(t);
        sum += std::abs(coefficients_[t]);
    }
    for (double& c : coefficients_) c /= sum;
}

double BiasField::at(double u, double v, double w) const {
    double p = 0.0;
    for (std::size_t t = 0; t < terms; ++t)
        p += coefficients_[t] * std::cos(std::numbers::pi * orders[t][0] * u) *
             std::cos(std::numbers::pi * orders[t][1] * v) * std::cos(std::numbers::pi * orders[t][2] * w);
    return std::exp(strength_ * p);
}

void multiply(Volume& volume, const BiasField& field) {
    const auto [nx, ny, nz] = volume.size;
    std::size_t i = 0;
    for (int z = 0; z < nz; ++z)
        for (int y = 0; y < ny; ++y)
            for (int x = 0; x < nx; ++x, ++i)
                volume.voxels[i] *= static_cast<float>(field.at(place(x, nx), place(y, ny), place(z, nz)));
}

void multiply(Image& image, const BiasField& field) {
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
            image.at(y, x) *=
                static_cast<float>(field.at(place(x, image.width), place(y, image.height), 0.5));
}

}  // namespace dnsp::imaging
