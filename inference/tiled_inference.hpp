#pragma once

#include "models/model.hpp"

namespace dnsp {

struct InferenceOptions {
    /// > 0 splits images into tiles of this side, each computed with a halo of the receptive radius (less at
    /// the image's own border, where the network pads with zeros anyway).
    int tile = 0;
    /// Images, or tiles of one size, that are computed together. 0: one on the CPU, whose threads share an
    /// image; on a CUDA device as many as its free memory takes.
    int batch = 0;
    void visit(OptionVisitor& visitor);
};

/// Runs a model on [n, h, w, 1] without recording.
///   Memory: that of the activations of `batch` images or tiles. If there is not enough, the batch is halved,
///   down to one, before OutOfMemory is thrown. Results: float32 output is bitwise identical whatever the
///   options, unless cuBLAS or cuDNN convolves.
Tensor infer(const Model& model, const Tensor& input, const InferenceOptions& options = {});

}  // namespace dnsp
