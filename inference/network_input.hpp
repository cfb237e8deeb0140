#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "imaging/image.hpp"
#include "imaging/normalisation.hpp"
#include "imaging/tissue_mixture.hpp"
#include "models/model.hpp"

// The input of networks, for training and inference alike. All of it derives from the low-resolution volume,
// never from a target.
namespace dnsp {

/// The tissues of a volume, if the network reads them. `slices`: all low-resolution slices, in stored
/// intensities, with voxels of `voxel_mm3`. Throws FileError("path: …") for a volume that is not
/// skull-stripped (imaging::fit_tissue_mixture()).
std::optional<imaging::TissueMixture> fit_tissues(InputFeatures features,
                                                  std::span<const imaging::Image> slices,
                                                  const imaging::Normalisation& normalisation,
                                                  double voxel_mm3, const std::string& path);

/// Throws FileError("path: …") if the network reads tissues: a picture has no voxel size, so that a brain
/// cannot be told from a head.
void require_picture_allowed(InputFeatures features, const std::string& path);

/// Number of channels of network_input().
inline int input_channels(const std::optional<imaging::TissueMixture>& tissues) {
    return input_channels(tissues ? InputFeatures::intensity_and_tissues : InputFeatures::intensity);
}

/// The channels of a normalised, enlarged slice, [height, width, channels]: the intensity, and the
/// probabilities of the tissues if there are any.
std::vector<float> network_input(const imaging::Image& slice,
                                 const std::optional<imaging::TissueMixture>& tissues);

}  // namespace dnsp
