#include "imaging/tissue_mixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

constexpr int max_iterations = 200;
constexpr double tolerance = 1e-7;  // of the mean log likelihood
constexpr double min_variance = 1e-5;
constexpr double group_width = 1e-4;  // of the intensities that are replaced by their mean
constexpr double max_brain_litres = 2.1;

using Classes = std::array<TissueMixture::Class, 3>;

struct Group {
    double intensity, count;
};

std::vector<float> tissue_values(std::span<const float> intensities) {
    std::vector<float> values;
    std::copy_if(intensities.begin(), intensities.end(), std::back_inserter(values),
                 [](float x) { return x > tissue_level; });
    return values;
}

std::vector<Group> grouped(const std::vector<float>& sorted) {
    std::vector<Group> groups;
    for (auto begin = sorted.begin(); begin != sorted.end();) {
        const auto end = std::upper_bound(begin, sorted.end(), static_cast<double>(*begin) + group_width);
        double sum = 0.0;
        for (auto value = begin; value != end; ++value) sum += *value;
        const auto count = static_cast<double>(end - begin);
        groups.push_back({sum / count, count});
        begin = end;
    }
    return groups;
}

/// Replaces `posteriors` by the probabilities of the classes. Returns the log likelihood of the intensity.
double evaluate(const Classes& classes, double intensity, std::array<double, 3>& posteriors) {
    std::array<double, 3> logarithms;
    for (std::size_t k = 0; k < classes.size(); ++k) {
        const auto& [weight, mean, variance] = classes[k];
        const double d = intensity - mean;
        logarithms[k] =
            std::log(weight) - 0.5 * (std::log(2.0 * std::numbers::pi * variance) + d * d / variance);
    }
    const double largest = *std::max_element(logarithms.begin(), logarithms.end());
    double sum = 0.0;
    for (std::size_t k = 0; k < classes.size(); ++k) sum += posteriors[k] = std::exp(logarithms[k] - largest);
    for (double& p : posteriors) p /= sum;
    return largest + std::log(sum);
}

Classes initial_classes(const std::vector<float>& sorted, const std::vector<Group>& groups) {
    const auto n = static_cast<double>(sorted.size());
    double mean = 0.0, variance = 0.0;
    for (const Group& g : groups) mean += g.count / n * g.intensity;
    for (const Group& g : groups) variance += g.count / n * (g.intensity - mean) * (g.intensity - mean);
    // Linear interpolation between neighbouring values.
    const auto percentile = [&](double share) {
        const double position = share * (n - 1.0);
        const auto below = static_cast<std::size_t>(position);
        const std::size_t above = std::min(below + 1, sorted.size() - 1);
        return std::lerp(static_cast<double>(sorted[below]), static_cast<double>(sorted[above]),
                         position - std::floor(position));
    };
    Classes classes;
    const std::array<double, 3> shares = {0.15, 0.5, 0.85};
    for (std::size_t k = 0; k < classes.size(); ++k)
        classes[k] = {1.0 / 3.0, percentile(shares[k]), std::max(variance, min_variance)};
    return classes;
}

/// One step of expectation maximisation. Returns the mean log likelihood before the step.
double improve(Classes& classes, const std::vector<Group>& groups) {
    std::array<double, 3> counts{}, sums{}, squares{}, posteriors{};
    double log_likelihood = 0.0, n = 0.0;
    for (const Group& g : groups) {
        log_likelihood += g.count * evaluate(classes, g.intensity, posteriors);
        n += g.count;
        for (std::size_t k = 0; k < classes.size(); ++k) {
            const double d = g.intensity - classes[k].mean;
            counts[k] += g.count * posteriors[k];
            sums[k] += g.count * posteriors[k] * d;
            squares[k] += g.count * posteriors[k] * d * d;
        }
    }
    for (std::size_t k = 0; k < classes.size(); ++k) {
        const double count = std::max(counts[k], std::numeric_limits<double>::min());
        const double shift = sums[k] / count;
        classes[k] = {count / n, classes[k].mean + shift,
                      std::max(squares[k] / count - shift * shift, min_variance)};
    }
    return log_likelihood / n;
}

}  // namespace

std::array<float, 3> TissueMixture::posteriors(float intensity) const {
    if (!(intensity > tissue_level)) return {};
    std::array<double, 3> exact{};
    evaluate(classes, intensity, exact);
    return {static_cast<float>(exact[0]), static_cast<float>(exact[1]), static_cast<float>(exact[2])};
}

TissueMixture fit_tissue_mixture(std::span<const float> intensities, const std::string& subject) {
    std::vector<float> values = tissue_values(intensities);
    std::sort(values.begin(), values.end());
    require(values.size() >= 3 && values.front() < values.back() && std::isfinite(values.back()), subject,
            "has too few different intensities to tell three tissues apart");
    const std::vector<Group> groups = grouped(values);
    TissueMixture mixture{initial_classes(values, groups), 0};
    double before = -std::numeric_limits<double>::infinity();
    for (bool converged = false; !converged && mixture.iterations < max_iterations; ++mixture.iterations) {
        const double log_likelihood = improve(mixture.classes, groups);
        converged = std::abs(log_likelihood - before) < tolerance;
        before = log_likelihood;
    }
    std::sort(mixture.classes.begin(), mixture.classes.end(),
              [](const auto& a, const auto& b) { return a.mean < b.mean; });
    return mixture;
}

std::int64_t tissue_pixels(const Image& slice) {
    const auto is_tissue = [&](int y, int x) {
        return y >= 0 && y < slice.height && x >= 0 && x < slice.width && slice.at(y, x) > tissue_level;
    };
    std::int64_t count = 0;
    for (int y = 0; y < slice.height; ++y)
        for (int x = 0; x < slice.width; ++x) {
            if (!is_tissue(y, x)) continue;
            int neighbours = -1;
            for (int i = y - 1; i <= y + 1; ++i)
                for (int j = x - 1; j <= x + 1; ++j) neighbours += is_tissue(i, j);
            count += neighbours >= 4;
        }
    return count;
}

TissueMixture fit_tissue_mixture(std::span<const Image> slices, const Normalisation& normalisation,
                                 double voxel_mm3, const std::string& subject) {
    std::vector<float> intensities;
    std::int64_t voxels = 0;
    for (Image slice : slices) {
        normalise(slice.pixels, normalisation);
        voxels += tissue_pixels(slice);
        intensities.insert(intensities.end(), slice.pixels.begin(), slice.pixels.end());
    }
    const double litres = 1e-6 * voxel_mm3 * static_cast<double>(voxels);
    require(litres <= max_brain_litres, subject,
            fmt::format(
                "is not skull-stripped (tissue fills {:.2f} litres, a brain at most {}); the model needs a "
                "skull-stripped volume to label tissues",
                litres, max_brain_litres));
    return fit_tissue_mixture(intensities, subject);
}

}  // namespace dnsp::imaging
