#pragma once

#include "inference/image_upscaler.hpp"
#include "inference/tiled_inference.hpp"
#include "inference/trained_network.hpp"

namespace dnsp {

/// Applies a trained network to images in stored intensities.
class Upscaler : public ImageUpscaler {
  public:
    explicit Upscaler(TrainedNetwork network, const InferenceOptions& options = {})
        : network_(std::move(network)), options_(options) {}

    int scale() const { return network_.degradation.scale; }
    const imaging::Degradation& degradation() const { return network_.degradation; }
    const TrainedNetwork& network() const { return network_; }

    /// Bicubic enlargement, normalisation, network, restored intensities.
    imaging::Image upscale(const imaging::Image& low,
                           const imaging::Normalisation& normalisation) const override;

    /// While the network computes some slices, the next ones are enlarged and the previous ones are copied
    /// into the volume.
    imaging::Volume upscale(const imaging::Volume& low, int axis,
                            const std::function<void(int done)>& progress) const override;

    /// As upscale(), for a slice that is already enlarged.
    imaging::Image enhance(imaging::Image enlarged, const imaging::Normalisation& normalisation) const;

  private:
    using Slices = std::vector<imaging::Image>;
    Slices run_network(const Slices& normalised) const;

    TrainedNetwork network_;
    InferenceOptions options_;
};

}  // namespace dnsp
