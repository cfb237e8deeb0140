#pragma once

// The rows that scripts/bench times beside PyTorch. A row has a kind and parameters. Its inputs are passed to
// the other side in a file, and its results are compared before timing.
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
    /// All inputs of the first run.
    virtual TensorFile inputs() const = 0;
    /// The timed work. On a CUDA device it may return before the work is done.
    virtual void run() = 0;
    /// Results of the first run.
    virtual TensorFile results() const = 0;
    virtual Cost cost() const = 0;
};

/// To add a kind of row, add a file to this folder with
///   const RowRegistration registration{"kind", make};
using Parameters = nlohmann::json;
using RowFactory = std::function<std::unique_ptr<Row>(const Parameters&, Device)>;
struct RowRegistration {
    RowRegistration(const std::string& kind, RowFactory factory);
};

/// `parameters` has "kind" and the parameters of the kind. Throws Error for an unknown kind.
std::unique_ptr<Row> make_row(const Parameters& parameters, Device device);

/// Images [batch, height, width, 1] of a few waves with intensities of about [0, 1], and noise of the given
/// amplitude. Their singular values cover the range in which the priors vary.
Tensor wavy_images(std::int64_t batch, std::int64_t height, std::int64_t width, double noise,
                   std::uint64_t stream);

/// Uniform in ±scale.
Tensor random_tensor(const Shape& shape, double scale, std::uint64_t stream);

}  // namespace dnsp::benchmarks
