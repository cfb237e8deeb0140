#include "tools/classical_upscaler.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace dnsp::tools {
namespace {

constexpr int slices_at_once = 16;  // so that threads share the slices and progress is reported between them

}  // namespace

imaging::Image ClassicalUpscaler::upscale(const imaging::Image& low,
                                          const imaging::Normalisation& normalisation) const {
    imaging::Image normalised = low;
    imaging::normalise(normalised.pixels, normalisation);
    imaging::Image high = method_->enlarge(normalised, degradation_);
    imaging::restore(high.pixels, normalisation);
    return high;
}

imaging::Volume ClassicalUpscaler::upscale(const imaging::Volume& low, int axis,
                                           const std::function<void(int done)>& progress,
                                           imaging::Volume* spread) const {
    require(spread == nullptr, "[upscaler] a classical method has one result, which has no spread");
    const auto normalisation = imaging::percentile_normalisation(low.voxels, low.path);
    imaging::Volume high = imaging::finer_grid(low, axis, degradation_.scale, degradation_.phase);
    const int slices = imaging::slice_count(low, axis);
    for (int first = 0; first < slices; first += slices_at_once) {
        std::vector<imaging::Image> batch;
        for (int i = first; i < std::min(first + slices_at_once, slices); ++i) {
            batch.push_back(imaging::extract_slice(low, axis, i));
            imaging::normalise(batch.back().pixels, normalisation);
        }
        batch = classical::enlarge_all(*method_, batch, degradation_);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            imaging::restore(batch[i].pixels, normalisation);
            imaging::insert_slice(high, axis, first + static_cast<int>(i), batch[i]);
        }
        progress(std::min(first + slices_at_once, slices));
    }
    return high;
}

}  // namespace dnsp::tools
