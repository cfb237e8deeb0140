#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor.hpp"

namespace dnsp {

/// How a parameter starts; random values are Philox numbers of the seed and the parameter's name.
struct Initialiser {
    enum class Kind { zeros, uniform, normal };
    Kind kind = Kind::zeros;
    double scale = 0.0;             ///< uniform on [−scale, scale], or standard deviation
    std::vector<double> mean = {};  ///< added; repeated along the parameter (empty: zero)

    static Initialiser zeros() { return {}; }
    /// Uniform on ±1/√fan_in: the framework default for convolutions (He-uniform with a = √5), weights and
    /// biases.
    static Initialiser he_uniform(std::int64_t fan_in);
    static Initialiser normal(double standard_deviation, std::vector<double> mean = {});
};

/// What the optimiser moves together: the network's weights, or the priors' filters, with their own rate.
enum class ParameterGroup { network, filters };

/// All parameters of a model and its priors, and their gradients, each in one flat array, so that an
/// optimiser step or an all-reduce is one pass over memory. First every module adds its parameters, then
/// allocate() is called once; the indices that add() returned give tensors from then on.
class ParameterStore {
  public:
    struct Parameter {
        std::string name;  ///< unique, e.g. "blocks.3.conv1.weight"
        Shape shape;
        ParameterGroup group;
        Initialiser initialiser;
        std::int64_t first = 0;  ///< element of the flat arrays, a multiple of 16
        Tensor value;  ///< view of the flat values; its gradient slot is a view of the flat gradients
    };

    std::size_t add(std::string name, const Shape& shape, ParameterGroup group, Initialiser initialiser);

    /// Reserves the flat arrays and initialises every parameter from the seed.
    void allocate(DType dtype, Device device, std::uint64_t seed);
    bool allocated() const { return values_.defined(); }

    const Tensor& operator[](std::size_t index) const { return parameters_[index].value; }
    const std::vector<Parameter>& parameters() const { return parameters_; }
    const Tensor& values() const { return values_; }
    const Tensor& gradients() const { return gradients_; }

    /// Elements of a group, without padding.
    std::int64_t elements(ParameterGroup group) const;

    /// Declares every gradient stale; the next backward pass overwrites instead of adding.
    void discard_gradients();
    /// Zeroes the gradients that no backward pass has written since.
    void complete_gradients();

  private:
    std::vector<Parameter> parameters_;
    Tensor values_;
    Tensor gradients_;
};

}  // namespace dnsp
