#pragma once

#include <optional>

#include "inference/upscaler.hpp"

namespace dnsp {

/// Replaces thick slices by thin ones: Keys' cubic interpolation between the slices, then the network on the
/// slices of both directions that cross them, then the mean of both.
class ThroughPlaneUpscaler : public ImageUpscaler {
  public:
    /// `network`: trained for thick slices (Degradation::through_plane); none: interpolation only.
    /// `voxel_mm`: distance of the new slices; 0: the smaller of the voxel sizes within the slices.
    ThroughPlaneUpscaler(std::optional<Upscaler> network, double voxel_mm);

    std::optional<imaging::Degradation> acquisition() const override {
        return network_ ? network_->acquisition() : std::nullopt;
    }
    bool accepts_pictures() const override { return false; }
    /// Throws FileError: a picture has no other slices.
    imaging::Image upscale(const imaging::Image& low,
                           const imaging::Normalisation& normalisation) const override;

    /// `axis`: that of the thick slices. The field of view keeps its first edge; the new slices are those
    /// that lie wholly within it. Throws FileError unless the new slices are closer than the old ones.
    imaging::Volume upscale(const imaging::Volume& low, int axis,
                            const std::function<void(int done)>& progress,
                            imaging::Volume* spread = nullptr) const override;
    int slices(const imaging::Volume& low, int axis) const override;
    /// Of the slices that cross the thick ones.
    std::vector<std::string> unlike_training(const imaging::Volume& low, int axis) const override;

    /// Throws FileError for one slice, and unless the new slices are closer than the old ones.
    void require_finer(const imaging::Volume& low, int axis) const;

    /// The distance of the new slices of a volume in mm.
    double spacing_mm(const imaging::Volume& low, int axis) const;

    /// The distances of slices that the network was trained for; none for interpolation.
    std::optional<NumberOrRange> trained_spacing_mm() const;

  private:
    std::optional<Upscaler> network_;
    double voxel_mm_;
};

}  // namespace dnsp
