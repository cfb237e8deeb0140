#include "inference/network_input.hpp"

#include "base/error.hpp"

namespace dnsp {

std::optional<imaging::TissueMixture> fit_tissues(InputFeatures features,
                                                  std::span<const imaging::Image> slices,
                                                  const imaging::Normalisation& normalisation,
                                                  double voxel_mm3, const std::string& path) {
    if (features == InputFeatures::intensity) return std::nullopt;
    return imaging::fit_tissue_mixture(slices, normalisation, voxel_mm3, path);
}

void require_picture_allowed(InputFeatures features, const std::string& path) {
    require(features == InputFeatures::intensity, path,
            "is a picture, but the network labels tissues and needs a skull-stripped volume");
}

std::vector<float> network_input(const imaging::Image& slice,
                                 const std::optional<imaging::TissueMixture>& tissues) {
    if (!tissues) return slice.pixels;
    std::vector<float> values;
    values.reserve(4 * slice.pixels.size());
    for (const float intensity : slice.pixels) {
        values.push_back(intensity);
        const auto posteriors = tissues->posteriors(intensity);
        values.insert(values.end(), posteriors.begin(), posteriors.end());
    }
    return values;
}

}  // namespace dnsp
