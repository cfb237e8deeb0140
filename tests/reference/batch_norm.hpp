#pragma once

// Batch normalisation of [pixels, channels] by its definition, one channel at a time, in long double.
#include <cmath>
#include <cstdint>
#include <vector>

namespace dnsp::reference {

struct BatchNorm {
    std::vector<double> output, mean, biased_variance, unbiased_variance;
    std::vector<double> input_gradient, gamma_gradient, beta_gradient;
};

/// The unbiased variance of a single pixel is defined as 0.
inline BatchNorm batch_norm(std::int64_t pixels, std::int64_t channels, double epsilon,
                            const std::vector<double>& x, const std::vector<double>& gamma,
                            const std::vector<double>& beta, const std::vector<double>& dy) {
    BatchNorm out;
    out.output.resize(x.size());
    out.input_gradient.resize(x.size());
    const auto m = static_cast<long double>(pixels);
    for (std::int64_t c = 0; c < channels; ++c) {
        const auto at = [&](std::int64_t p) { return static_cast<std::size_t>(p * channels + c); };
        const auto channel = static_cast<std::size_t>(c);
        long double sum = 0, squares = 0, dbeta = 0, dgamma = 0;
        for (std::int64_t p = 0; p < pixels; ++p) sum += x[at(p)];
        const long double mean = sum / m;
        for (std::int64_t p = 0; p < pixels; ++p) squares += (x[at(p)] - mean) * (x[at(p)] - mean);
        const long double deviation = std::sqrt(squares / m + static_cast<long double>(epsilon));
        const auto normalised = [&](std::int64_t p) { return (x[at(p)] - mean) / deviation; };
        for (std::int64_t p = 0; p < pixels; ++p) {
            out.output[at(p)] = static_cast<double>(gamma[channel] * normalised(p) + beta[channel]);
            dbeta += dy[at(p)];
            dgamma += dy[at(p)] * normalised(p);
        }
        for (std::int64_t p = 0; p < pixels; ++p)
            out.input_gradient[at(p)] = static_cast<double>(
                gamma[channel] / deviation * (dy[at(p)] - dbeta / m - normalised(p) * dgamma / m));
        out.mean.push_back(static_cast<double>(mean));
        out.biased_variance.push_back(static_cast<double>(squares / m));
        out.unbiased_variance.push_back(pixels > 1 ? static_cast<double>(squares / (m - 1)) : 0.0);
        out.gamma_gradient.push_back(static_cast<double>(dgamma));
        out.beta_gradient.push_back(static_cast<double>(dbeta));
    }
    return out;
}

}  // namespace dnsp::reference
