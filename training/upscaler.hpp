#pragma once

#include "imaging/image.hpp"
#include "imaging/normalisation.hpp"
#include "training/weights.hpp"

namespace dnsp {

/// A trained network applied to images in their own intensities.
class Upscaler {
  public:
    explicit Upscaler(TrainedNetwork network, int tile = 0) : network_(std::move(network)), tile_(tile) {}

    int scale() const { return network_.degradation.scale; }
    const imaging::Degradation& degradation() const { return network_.degradation; }
    const RunDescription& run() const { return network_.run; }
    const ModelOptions& model() const { return network_.model->options(); }

    /// bicubic enlargement → normalise → network → restore. The normalisation is that of the whole volume or
    /// picture that the slice belongs to (percentile_normalisation).
    imaging::Image upscale(const imaging::Image& low, const imaging::Normalisation& normalisation) const;

    /// The same for a slice that is enlarged already.
    imaging::Image enhance(imaging::Image enlarged, const imaging::Normalisation& normalisation) const;

  private:
    TrainedNetwork network_;
    int tile_;
};

}  // namespace dnsp
