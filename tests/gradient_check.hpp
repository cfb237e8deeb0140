#pragma once

// Compares gradients of tensor functions with central differences in float64, and float32 with float64.
#include <functional>
#include <string>
#include <vector>

#include "layers/weighted_sum.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

namespace dnsp::testing {

/// Computes an output from inputs on a tape, in the inputs' dtype.
using Function = std::function<Tensor(Tape&, const std::vector<Tensor>&)>;

/// An input of a function under test; a constant gets no gradient.
struct Input {
    Shape shape;
    std::vector<double> values;
    bool constant = false;
};
inline Input random_input(const Shape& shape, std::uint64_t seed, double low = -1.0, double high = 1.0) {
    return {shape, reference::uniform(shape.elements(), seed, low, high)};
}

/// Random values with a distance of at least `gap` from 0, for functions with a kink at 0.
inline Input input_away_from_zero(const Shape& shape, std::uint64_t seed, double gap = 0.05) {
    Input input = random_input(shape, seed);
    for (double& value : input.values) value += value < 0 ? -gap : gap;
    return input;
}

inline Tensor tensor_of(const Input& input, DType dtype = DType::float64) {
    return dispatch(dtype, [&]<class T>() {
        return Tensor::from<T>(input.shape, reference::cast<T>(input.values), test_device());
    });
}
inline std::vector<double> values_of(const Tensor& tensor) {
    return dispatch(tensor.dtype(), [&]<class T>() { return reference::widen(tensor.to_vector<T>()); });
}
/// Of a closed form with respect to its first input.
inline std::vector<double> gradient_of(const TermValue& function) {
    std::vector<double> gradient = values_of(function.gradients.front().gradient);
    for (double& g : gradient) g *= function.scale;
    return gradient;
}

struct Differentiated {
    std::vector<double> output;
    std::vector<std::vector<double>> gradients;  // of ⟨cotangent, output⟩; empty for constants
};

/// Evaluates a function and its gradients. The random cotangent of the output is the same in both precisions.
inline std::vector<double> cotangent_of(std::size_t elements) {
    return reference::uniform(static_cast<std::int64_t>(elements), 97, 0.25, 1.0);
}

inline Differentiated differentiate(const Function& function, const std::vector<Input>& inputs, DType dtype) {
    std::vector<Tensor> tensors;
    for (const Input& input : inputs) {
        tensors.push_back(tensor_of(input, dtype));
        if (!input.constant) tensors.back().require_gradient();
    }
    Tape tape;
    const Tensor output = function(tape, tensors);
    tape.backward(output,
                  tensor_of({output.shape(), cotangent_of(static_cast<std::size_t>(output.elements()))},
                            output.dtype()));
    Differentiated out{values_of(output), {}};
    for (const Tensor& tensor : tensors)
        out.gradients.push_back(tensor.gradient().defined() ? values_of(tensor.gradient())
                                                            : std::vector<double>());
    return out;
}

struct CheckOptions {
    double step = 1e-3;  ///< of the 4-point stencil: error step⁴ · f⁽⁵⁾/30 plus about 1e-16 · |f| / step
    double bound = 1e-6;        ///< on ‖g − fd‖ / ‖fd‖
    std::size_t elements = 64;  ///< larger inputs are checked at this many random elements
    double skipped = 0.0;       ///< largest share of differences that may cross a kink
    double negligible = 1e-11;  ///< gradient and differences both below this norm count as zero
};

struct Comparison {
    std::vector<double> gradient, finite_difference;
    std::size_t skipped = 0;
    double error() const { return reference::relative_error(gradient, finite_difference); }
};

/// Compares the gradient of input `which` with finite differences along unit vectors. If the
/// stencils of step h and h/2 disagree, the difference crosses a kink and is skipped. The decision does not
/// use the gradient under test.
inline Comparison compare_with_differences(const Function& function, const std::vector<Input>& inputs,
                                           std::size_t which, const std::vector<double>& gradient,
                                           const CheckOptions& options) {
    const auto value_at = [&](const std::vector<double>& direction, double t) {
        std::vector<Tensor> tensors;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            Input moved = inputs[i];
            if (i == which)
                for (std::size_t k = 0; k < moved.values.size(); ++k) moved.values[k] += t * direction[k];
            tensors.push_back(tensor_of(moved));
        }
        Tape tape = Tape::inference();
        const std::vector<double> output = values_of(function(tape, tensors));
        const std::vector<double> cotangent = cotangent_of(output.size());
        long double sum = 0;
        for (std::size_t i = 0; i < output.size(); ++i)
            sum += static_cast<long double>(cotangent[i]) * output[i];
        return sum;
    };
    const auto four_point = [&](const std::vector<double>& direction, double h) {
        return static_cast<double>((8 * (value_at(direction, h) - value_at(direction, -h)) -
                                    (value_at(direction, 2 * h) - value_at(direction, -2 * h))) /
                                   (12 * static_cast<long double>(h)));
    };

    const std::size_t count = inputs[which].values.size();
    // The CUDA emulator is slow, and its kernels are compared with references element by element
    // (tests/kernels).
    const bool on_cpu = test_device().kind == DeviceKind::cpu;
    const std::size_t elements = on_cpu ? options.elements : std::min<std::size_t>(options.elements, 12);
    std::vector<std::vector<double>> directions;
    std::mt19937_64 random(which + 1);
    for (std::size_t k = 0; k < std::min(count, elements); ++k) {
        directions.emplace_back(count, 0.0);
        directions.back()[count <= elements ? k : random() % count] = 1.0;
    }
    if (count > elements)
        for (std::uint64_t k = 0; k < (on_cpu ? 8 : 4); ++k) {
            directions.push_back(reference::uniform(static_cast<std::int64_t>(count), 1000 + k));
            const double length = reference::norm(directions.back());
            for (double& d : directions.back()) d /= length;
        }

    std::vector<double> fine, coarse, along;
    for (const auto& direction : directions) {
        fine.push_back(four_point(direction, options.step / 2));
        if (options.skipped > 0) coarse.push_back(four_point(direction, options.step));
        double sum = 0;
        for (std::size_t k = 0; k < count; ++k) sum += direction[k] * gradient[k];
        along.push_back(sum);
    }
    Comparison out;
    const double scale = reference::norm(fine) / std::sqrt(static_cast<double>(fine.size()));
    for (std::size_t k = 0; k < fine.size(); ++k) {
        if (options.skipped > 0 && std::abs(fine[k] - coarse[k]) > 0.1 * options.bound * scale) {
            ++out.skipped;
            continue;
        }
        out.finite_difference.push_back(fine[k]);
        out.gradient.push_back(along[k]);
    }
    return out;
}

/// Checks the gradient with respect to every input that is not constant.
inline void check_gradients(const Function& function, const std::vector<Input>& inputs,
                            CheckOptions options = {}) {
    const Differentiated result = differentiate(function, inputs, DType::float64);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].constant) continue;
        INFO("gradient with respect to input " << i << " of shape " << inputs[i].shape.text());
        REQUIRE(result.gradients[i].size() == inputs[i].values.size());
        const Comparison comparison =
            compare_with_differences(function, inputs, i, result.gradients[i], options);
        const std::size_t all = comparison.skipped + comparison.gradient.size();
        CHECK(comparison.skipped <= static_cast<std::size_t>(options.skipped * static_cast<double>(all)));
        const double size = reference::norm(comparison.finite_difference);
        INFO("relative error " << comparison.error() << ", norm of the finite differences " << size);
        CHECK((comparison.error() <= options.bound ||
               std::max(size, reference::norm(comparison.gradient)) <= options.negligible));
    }
}

/// Compares output and gradients in float32 with float64, from the same inputs rounded to float32.
inline void check_float_against_double(const Function& function, std::vector<Input> inputs,
                                       double bound = 1e-3) {
    for (Input& input : inputs) input.values = reference::widen(reference::cast<float>(input.values));
    const Differentiated narrow = differentiate(function, inputs, DType::float32);
    const Differentiated wide = differentiate(function, inputs, DType::float64);
    CHECK(reference::relative_error(narrow.output, wide.output) <= bound);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        INFO("gradient with respect to input " << i << " of shape " << inputs[i].shape.text());
        CHECK(reference::relative_error(narrow.gradients[i], wide.gradients[i]) <= bound);
    }
}

}  // namespace dnsp::testing
