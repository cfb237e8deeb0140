#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

/// Batch normalisation (Ioffe and Szegedy 2015) of images [pixels, channels], pixels = batch · height ·
/// width. For each channel, over its M = pixels values:
///   mean μ = Σx / M, biased variance v = Σ(x−μ)² / M, x̂ = (x−μ) / √(v+ε), output = γ·x̂ + β
/// Sums are accumulated in double in an order that depends on the shape only. Arrays without a documented
/// layout hold one element per channel. Precondition: M ≥ 1.
namespace dnsp::kernels {

struct BatchNormShape {
    std::int64_t pixels = 1;
    std::int64_t channels = 1;
    double epsilon = 1e-5;
    double momentum = 0.1;  ///< weight of a batch in the running statistics

    constexpr std::int64_t elements() const { return pixels * channels; }
};

/// Statistics of a batch. Overwrites mean (μ) and inverse_deviation (1/√(v+ε)). Updates
///   running ← (1−momentum)·running + momentum·batch
/// with the mean and the unbiased variance v·M/(M−1) (v if M = 1).
DNSP_DECLARE_KERNEL(batch_norm_statistics, const BatchNormShape& shape, const T* input, double* mean,
                    double* inverse_deviation, T* running_mean, T* running_variance);

/// Normalises by the statistics of a batch. `output` may alias `input`.
DNSP_DECLARE_KERNEL(batch_norm_forward, const BatchNormShape& shape, const T* input, const double* mean,
                    const double* inverse_deviation, const T* gamma, const T* beta, T* output);

/// Normalises by running statistics. An output element depends bitwise on its input element and its channel
/// only. `output` may alias `input`.
DNSP_DECLARE_KERNEL(batch_norm_inference, const BatchNormShape& shape, const T* input, const T* running_mean,
                    const T* running_variance, const T* gamma, const T* beta, T* output);

/// Parameter gradients of a normalisation by batch statistics, with dy = output_gradient. Overwrites
/// beta_gradient = Σdy, gamma_gradient = Σdy·x̂, and sums[2, channels] = (Σdy, Σdy·x̂) in double.
DNSP_DECLARE_KERNEL(batch_norm_backward_parameters, const BatchNormShape& shape, const T* input,
                    const double* mean, const double* inverse_deviation, const T* output_gradient,
                    double* sums, T* gamma_gradient, T* beta_gradient);

/// input_gradient = accumulate + γ/√(v+ε) · (dy − Σdy/M − x̂·Σdy·x̂/M), with `sums` as above. `accumulate`: a
/// gradient already accumulated for this input; may be null, may alias input_gradient.
DNSP_DECLARE_KERNEL(batch_norm_backward_input, const BatchNormShape& shape, const T* input,
                    const double* mean, const double* inverse_deviation, const T* gamma, const double* sums,
                    const T* output_gradient, const T* accumulate, T* input_gradient);

}  // namespace dnsp::kernels
