#pragma once

#include "models/model.hpp"

namespace dnsp {

struct InferenceOptions {
    /// > 0: splits images into tiles of this side. Each tile is computed with a halo of the receptive radius,
    /// cut off at the border of the image, where the network pads with zeros. 0: no tiles.
    int tile = 0;
    /// Number of images, or of tiles of one size, that are computed together. 0: on the CPU one, because its
    /// threads share an image; on a CUDA device as many as fit into the free memory.
    int batch = 0;
    /// Upscaler: the mean over the eight symmetries of a slice (four through-plane, where the rows are the
    /// thick slices). infer() ignores it. Not an option of visit().
    bool ensemble = false;
    void visit(OptionVisitor& visitor);
};

/// Runs a model on [n, h, w, model.input_channels()] without recording. Returns [n, h, w, 1].
/// - Memory: the activations of `batch` images or tiles. If memory runs out, the batch is halved. Throws
///   OutOfMemory if one image or tile does not fit.
/// - float32 output is bitwise identical for all options, unless cuBLAS or cuDNN computes the convolutions.
Tensor infer(const Model& model, const Tensor& input, const InferenceOptions& options = {});

}  // namespace dnsp
