#include "imaging/bias_field.hpp"

#include <cmath>
#include <numbers>
#include <vector>

namespace dnsp::imaging {
namespace {

constexpr std::array<std::array<std::size_t, 3>, 9> orders{
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}, {2, 0, 0}, {0, 2, 0}, {0, 0, 2}}};

/// The cosines at the middles of n samples.
std::vector<BiasField::Cosines> cosines_of_samples(int n) {
    std::vector<BiasField::Cosines> cosines;
    for (int i = 0; i < n; ++i) cosines.push_back(BiasField::cosines((i + 0.5) / n));
    return cosines;
}

}  // namespace

BiasField::BiasField(double strength, const Philox& random) : strength_(strength) {
    double sum = 0.0;
    for (std::size_t t = 0; t < terms; ++t) {
        coefficients_[t] = random.normal(t);
        sum += std::abs(coefficients_[t]);
    }
    for (double& c : coefficients_) c /= sum;
}

BiasField::Cosines BiasField::cosines(double place) {
    return {1.0, std::cos(std::numbers::pi * place), std::cos(2.0 * std::numbers::pi * place)};
}

double BiasField::at(double u, double v, double w) const { return at(cosines(u), cosines(v), cosines(w)); }

double BiasField::at(const Cosines& u, const Cosines& v, const Cosines& w) const {
    double p = 0.0;
    for (std::size_t t = 0; t < terms; ++t)
        p += coefficients_[t] * u[orders[t][0]] * v[orders[t][1]] * w[orders[t][2]];
    return std::exp(strength_ * p);
}

void multiply(Volume& volume, const BiasField& field) {
    const auto x = cosines_of_samples(volume.size[0]), y = cosines_of_samples(volume.size[1]),
               z = cosines_of_samples(volume.size[2]);
    std::size_t i = 0;
    for (const auto& w : z)
        for (const auto& v : y)
            for (const auto& u : x) volume.voxels[i++] *= static_cast<float>(field.at(u, v, w));
}

void multiply(Image& image, const BiasField& field) {
    const auto x = cosines_of_samples(image.width), y = cosines_of_samples(image.height);
    const auto middle = BiasField::cosines(0.5);
    std::size_t i = 0;
    for (const auto& v : y)
        for (const auto& u : x) image.pixels[i++] *= static_cast<float>(field.at(u, v, middle));
}

}  // namespace dnsp::imaging
