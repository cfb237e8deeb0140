#include "training/upscaler.hpp"

#include "imaging/resample.hpp"
#include "models/tiled_inference.hpp"

namespace dnsp {

imaging::Image Upscaler::upscale(const imaging::Image& low,
                                 const imaging::Normalisation& normalisation) const {
    return enhance(imaging::enlarge_bicubic(low, scale(), network_.degradation.phase), normalisation);
}

imaging::Image Upscaler::enhance(imaging::Image image, const imaging::Normalisation& normalisation) const {
    imaging::normalise(image.pixels, normalisation);
    const Tensor input = Tensor::from<float>({1, image.height, image.width, 1}, image.pixels,
                                             network_.store->values().device());
    image.pixels = infer(*network_.model, input, tile_).to_vector<float>();
    imaging::restore(image.pixels, normalisation);
    return image;
}

}  // namespace dnsp
