#pragma once

// What scripts/bench times beside PyTorch. A row is made from a kind and parameters; its inputs go to the
// other side in a file, its results are compared before anything is timed.
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "benchmarks/cost.hpp"
#include "engine/safetensors.hpp"

namespace dnsp::benchmarks {

class Row {
  public:
    virtual ~Row() = default;
    /// Everything that the first run depends on.
    virtual TensorFile inputs() const = 0;
    /// What is timed. On a CUDA device it may return before the work is done.
    virtual void run() = 0;
    /// Of the first run.
    virtual TensorFile results() const = 0;
    virtual Cost cost() const = 0;
};

/// A kind of row is one file of this folder with a line
///   const RowRegistration registration{"kind", make};
using Parameters = nlohmann::json;
using RowFactory = std::function<std::unique_ptr<Row>(const Parameters&, Device)>;
struct RowRegistration {
    RowRegistration(const std::string& kind, RowFactory factory);
};

/// `parameters` has "kind" and what that kind asks for. Throws Error for an unknown kind.
std::unique_ptr<Row> make_row(const Parameters& parameters, Device device);

/// Images of a few waves, of intensities about [0, 1], with noise of the given amplitude: their singular
/// values spread over the scale that the priors look at. [batch, height, width, 1]
Tensor wavy_images(std::int64_t batch, std::int64_t height, std::int64_t width, double noise,
                   std::uint64_t stream);

/// Uniform on ±scale.
Tensor random_tensor(const Shape& shape, double scale, std::uint64_t stream);

}  // namespace dnsp::benchmarks
