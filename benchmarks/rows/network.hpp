#pragma once

// The network of the rows "step" and "upscale". Parameters: model, depth, width, and the model's own
// options by their keys, such as "unshuffle".
#include "benchmarks/rows/row.hpp"
#include "models/model.hpp"

namespace dnsp::benchmarks {

struct Network {
    explicit Network(const Parameters& parameters);
    /// Gives zero-initialised parameters small random values, so that no gradient vanishes.
    void allocate(Device device);

    /// All parameters by name, in host memory.
    std::map<std::string, Tensor> weights() const;
    /// Additions and multiplications per pixel of a forward pass.
    double flops_per_pixel() const;

    ParameterStore store;
    std::unique_ptr<Model> model;
};

}  // namespace dnsp::benchmarks
