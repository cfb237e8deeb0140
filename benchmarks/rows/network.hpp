#pragma once

// The networks of the rows "step" and "upscale". Parameters: model, depth, width.
#include "benchmarks/rows/row.hpp"
#include "models/model.hpp"

namespace dnsp::benchmarks {

struct Network {
    explicit Network(const Parameters& parameters);
    /// What starts at zero gets small random values, so that every gradient is one.
    void allocate(Device device);

    /// Every parameter under its name, in host memory.
    std::map<std::string, Tensor> weights() const;
    /// Additions and multiplications of a forward pass for one pixel.
    double flops_per_pixel() const;

    ParameterStore store;
    std::unique_ptr<Model> model;
};

}  // namespace dnsp::benchmarks
