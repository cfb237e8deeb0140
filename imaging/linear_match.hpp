#pragma once

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// a·image + b with the a and b that minimise Σ(a·image + b − target)² over all pixels; the mean of the
/// target for a constant image. Throws FileError unless both have one size.
Image linear_match(const Image& image, const Image& target);

}  // namespace dnsp::imaging
