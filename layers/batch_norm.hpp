#pragma once

#include <string>

#include "engine/parameters.hpp"
#include "engine/tape.hpp"

namespace dnsp {

/// One element per channel each, of one dtype.
struct BatchNormParameters {
    Tensor gamma, beta;
    Tensor running_mean, running_variance;  ///< updated in training; no gradient
};

/// Batch normalisation (Ioffe and Szegedy 2015) of [n, h, w, channels]: γ·(x−μ)/√(v+ε) + β, ε = 1e-5.
/// The tape decides about the mode:
/// - A tape that records trains: μ and v (biased) are those of the batch over n·h·w, and the running
///   statistics take over a tenth of the batch's mean and unbiased variance, as in PyTorch.
/// - A tape that does not record infers: μ and v are the running statistics. An output pixel depends on the
///   input pixel alone, so images may be computed in tiles.
Tensor batch_norm(Tape& tape, const Tensor& input, const BatchNormParameters& parameters);

/// A batch normalisation with its parameters "<name>.gamma" (starts at 1) and "<name>.beta" (0), and the
/// buffers "<name>.running_mean" (0) and "<name>.running_var" (1).
class BatchNorm {
  public:
    BatchNorm(ParameterStore& store, const std::string& name, std::int64_t channels);

    Tensor operator()(Tape& tape, const Tensor& input) const;

  private:
    ParameterStore* store_;
    std::size_t gamma_, beta_, running_mean_, running_variance_;
};

}  // namespace dnsp
