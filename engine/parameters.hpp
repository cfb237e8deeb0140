#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor.hpp"

namespace dnsp {

/// Initial values of a parameter. Random values are Philox numbers of the seed and the parameter's name.
struct Initialiser {
    enum class Kind { zeros, uniform, normal, truncated_normal };
    Kind kind = Kind::zeros;
    double scale = 0.0;             ///< uniform on [−scale, scale], or standard deviation before truncation
    std::vector<double> mean = {};  ///< added, repeated along the parameter; empty: 0

    static Initialiser zeros() { return {}; }
    static Initialiser constant(double value) { return {Kind::zeros, 0.0, {value}}; }
    /// Uniform on ±1/√fan_in: the framework default for convolutions (He-uniform with a = √5), weights and
    /// biases.
    static Initialiser he_uniform(std::int64_t fan_in);
    static Initialiser normal(double standard_deviation, std::vector<double> mean = {});
    /// Normal with mean 0; values beyond two standard deviations are drawn again.
    static Initialiser truncated_normal(double standard_deviation);
};

/// network: weights of the model. filters: weights of the priors, with a separate learning rate. buffers:
/// values of the model that are saved but not trained, e.g. running statistics; they have no gradient.
enum class ParameterGroup { network, filters, buffers };
inline constexpr int trained_group_count = 2;  ///< these come first in the enumeration

constexpr bool is_trained(ParameterGroup group) { return static_cast<int>(group) < trained_group_count; }

/// All parameters of a model and its priors in one flat array, and the gradients of the trained ones in
/// another, so that an optimiser step is one pass over memory. A group is one segment of the arrays; within
/// it parameters lie in the order of add(). Order of calls: every module adds its parameters, allocate() is
/// called once, then operator[] maps the indices that add() returned to tensors.
class ParameterStore {
  public:
    struct Parameter {
        std::string name;  ///< unique, e.g. "blocks.3.conv1.weight"
        Shape shape;
        ParameterGroup group;
        Initialiser initialiser;
        std::int64_t first = 0;  ///< element of the flat arrays, a multiple of 16
        /// View of the flat values. If trained, its gradient slot holds a view of the flat gradients.
        Tensor value;
    };

    std::size_t add(std::string name, const Shape& shape, ParameterGroup group, Initialiser initialiser);

    /// Reserves the flat arrays and initialises every parameter from the seed.
    void allocate(DType dtype, Device device, std::uint64_t seed);
    bool allocated() const { return values_.defined(); }

    const Tensor& operator[](std::size_t index) const { return parameters_[index].value; }
    const std::vector<Parameter>& parameters() const { return parameters_; }
    const Tensor& values() const { return values_; }
    /// Gradients of the trained groups; an element has the same position as in values().
    const Tensor& gradients() const { return gradients_; }

    /// The elements of a group in the flat arrays, padding included. The gradient of the padding is zero.
    struct Segment {
        std::int64_t first = 0;
        std::int64_t count = 0;
    };
    const Segment& segment(ParameterGroup group) const { return segments_[static_cast<std::size_t>(group)]; }
    /// Elements of a group, without padding.
    std::int64_t elements(ParameterGroup group) const;

    /// Declares every gradient stale; the next backward pass overwrites instead of adding.
    void discard_gradients();
    /// Zeroes the gradients that no backward pass has written since discard_gradients(), of the parameters
    /// that lie at element `first` and after it. They count as written from then on.
    void complete_gradients(std::int64_t first = 0);

  private:
    std::vector<Parameter> parameters_;
    std::array<Segment, 3> segments_;
    Tensor values_;
    Tensor gradients_;
};

}  // namespace dnsp
