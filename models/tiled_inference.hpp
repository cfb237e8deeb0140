#pragma once

#include "models/model.hpp"

namespace dnsp {

/// Runs a model on [n, h, w, 1] without recording. `tile` > 0 cuts the image into tile × tile squares, each
/// computed with a halo of the receptive radius (less at the image's own border, where the network pads with
/// zeros anyway), so that memory is bounded by the tile and every float32 output pixel has the bits that
/// the whole image would give it.
Tensor infer(const Model& model, const Tensor& input, int tile = 0);

}  // namespace dnsp
