#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "imaging/image.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/volume.hpp"

namespace dnsp {

/// Enlarges images in stored intensities: a network (Upscaler) or a method without one.
class ImageUpscaler {
  public:
    virtual ~ImageUpscaler() = default;

    /// False if the method needs the other slices of a volume.
    virtual bool accepts_pictures() const { return true; }

    /// `normalisation`: percentile_normalisation() of the volume or picture that contains the slice.
    virtual imaging::Image upscale(const imaging::Image& low,
                                   const imaging::Normalisation& normalisation) const = 0;

    /// How the low-resolution image was acquired, as the method assumes; none if it assumes nothing.
    virtual std::optional<imaging::Degradation> acquisition() const { return std::nullopt; }

    /// In what a volume lies outside of what the training saw, one phrase each; empty for a method without
    /// training.
    virtual std::vector<std::string> unlike_training(const imaging::Volume&, int /*axis*/) const {
        return {};
    }

    /// Number of slices that upscale() computes.
    virtual int slices(const imaging::Volume& low, int axis) const { return imaging::slice_count(low, axis); }

    /// Upscales every slice along `axis` (storage order). `progress` is called with the number of finished
    /// slices; its exceptions are passed on. `spread`, if not null: the standard deviation of the results
    /// that an ensemble averages; throws Error without an ensemble.
    virtual imaging::Volume upscale(const imaging::Volume& low, int axis,
                                    const std::function<void(int done)>& progress,
                                    imaging::Volume* spread = nullptr) const = 0;
};

}  // namespace dnsp
