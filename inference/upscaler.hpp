#pragma once

#include "inference/image_upscaler.hpp"
#include "inference/network_input.hpp"
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
    std::optional<imaging::Degradation> acquisition() const override { return network_.degradation; }
    const TrainedNetwork& network() const { return network_; }
    std::vector<std::string> unlike_training(const imaging::Volume& low, int axis) const override;

    /// A network that reads tissues needs a skull-stripped volume.
    bool accepts_pictures() const override { return input_features() == InputFeatures::intensity; }

    /// Bicubic enlargement, normalisation, network, restored intensities. Precondition: accepts_pictures().
    imaging::Image upscale(const imaging::Image& low,
                           const imaging::Normalisation& normalisation) const override;

    /// Throws FileError if the network reads tissues and the volume is not skull-stripped. While the network
    /// computes some slices, the next ones are enlarged and the previous ones are copied into the volume.
    imaging::Volume upscale(const imaging::Volume& low, int axis,
                            const std::function<void(int done)>& progress,
                            imaging::Volume* spread = nullptr) const override;

    /// As upscale(), for a slice that is already enlarged. `tissues`: fit_tissues() of its volume; ignored if
    /// the network reads the intensity only.
    imaging::Image enhance(imaging::Image enlarged, const imaging::Normalisation& normalisation,
                           const std::optional<imaging::TissueMixture>& tissues = {}) const;

    /// The network's output for normalised, enlarged slices of one size; with InferenceOptions::ensemble the
    /// mean over symmetries. `squares`, if not null: the mean of the squares of the outputs.
    using Slices = std::vector<imaging::Image>;
    Slices run_network(const Slices& normalised, const std::optional<imaging::TissueMixture>& tissues = {},
                       Slices* squares = nullptr) const;

    /// What the network reads.
    InputFeatures input_features() const { return network_.model->input_features(); }

  private:
    Slices run_once(const Slices& normalised, const std::optional<imaging::TissueMixture>& tissues) const;

    TrainedNetwork network_;
    InferenceOptions options_;
};

}  // namespace dnsp
