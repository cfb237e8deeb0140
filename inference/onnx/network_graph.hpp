#pragma once

#include <map>
#include <string>

#include "inference/trained_network.hpp"

namespace dnsp {

/// What an exported graph computes.
enum class OnnxScope {
    network,  ///< the network alone: [N, C, H, W] normalised and enlarged → [N, 1, H, W] normalised
    whole     ///< what upscale does with a slice: stored intensities → enlarged stored intensities
};

/// The bytes of an ONNX file with the network, which lies in host memory. `metadata` is added to the facts
/// about the network. With OnnxScope::whole, the graph has the inputs `image` [N, 1, H, W], at least 2 × 2
/// pixels, and the scalars `low` and `high`, imaging::percentile_normalisation() of the volume or picture.
/// Throws Error if the network has no whole graph: it reads tissues, or slices across thick ones; and for a
/// layer that does not say what it is in ONNX.
std::string export_onnx(const TrainedNetwork& network, OnnxScope scope,
                        std::map<std::string, std::string> metadata = {});

}  // namespace dnsp
