#pragma once

#include <string>

#include "engine/parameters.hpp"
#include "engine/tape.hpp"

namespace dnsp {

/// Tensors of shape [channels] and one dtype.
struct BatchNormParameters {
    Tensor gamma, beta;
    Tensor running_mean, running_variance;  ///< updated in training; no gradient
};

/// Batch normalisation (Ioffe and Szegedy 2015) of [n, h, w, channels]: γ·(x−μ)/√(v+ε) + β, ε = 1e-5.
/// The tape sets the mode:
/// - Training, if the tape records: μ and v are the mean and the biased variance over n, h and w. The running
///   statistics are updated as in PyTorch: running = 0.9 · running + 0.1 · batch, with the unbiased variance.
/// - Inference, if it does not: μ and v are the running statistics. An output pixel depends on one input
///   pixel only, so images may be computed in tiles.
Tensor batch_norm(Tape& tape, const Tensor& input, const BatchNormParameters& parameters);

/// A batch normalisation that owns the parameters "<name>.gamma" (initially 1) and "<name>.beta" (0), and the
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
