// Every layer against finite differences, and its float32 path against its float64 path.
#include "layers/add_scaled.hpp"
#include "layers/batch_norm.hpp"
#include "layers/concat.hpp"
#include "layers/conv2d.hpp"
#include "layers/crop.hpp"
#include "layers/elu.hpp"
#include "layers/relu.hpp"
#include "layers/residual_block.hpp"
#include "layers/squared_error.hpp"
#include "layers/weighted_sum.hpp"
#include "tests/gradient_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// inputs[0] is the image.
const std::vector<Shape> image_shapes{{1, 1, 1, 1}, {1, 1, 5, 2}, {2, 4, 3, 3}, {3, 7, 5, 2}};

std::vector<Input> conv2d_inputs(const Shape& image, std::int64_t out, std::int64_t kernel_h,
                                 std::int64_t kernel_w) {
    return {random_input(image, 1), random_input({out, kernel_h, kernel_w, image[3]}, 2),
            random_input({out}, 3)};
}

Function conv2d_with(Activation activation) {
    return [=](Tape& tape, const std::vector<Tensor>& x) {
        return conv2d(tape, x[0], x[1], x[2], {.activation = activation});
    };
}

/// For a ReLU after a convolution: inputs cannot avoid its kinks, which are rare at this step size.
const CheckOptions with_kinks{.step = 1e-4, .bound = 1e-6, .elements = 64, .skipped = 0.05};

}  // namespace

TEST_CASE("gradients of conv2d with respect to input, weight and bias") {
    for (const Shape& image : image_shapes)
        for (const auto& [kernel_h, kernel_w] :
             std::vector<std::pair<int, int>>{{1, 1}, {3, 3}, {3, 5}, {9, 9}}) {
            INFO("input " << image.text() << ", kernel " << kernel_h << "×" << kernel_w);
            const auto inputs = conv2d_inputs(image, 3, kernel_h, kernel_w);
            check_gradients(conv2d_with(Activation::none), inputs);
            check_float_against_double(conv2d_with(Activation::none), inputs);
        }
}

TEST_CASE("gradients of conv2d with fused ReLU") {
    for (const Shape& image : image_shapes) {
        INFO("input " << image.text());
        const auto inputs = conv2d_inputs(image, 4, 3, 3);
        check_gradients(conv2d_with(Activation::relu), inputs, with_kinks);
        check_float_against_double(conv2d_with(Activation::relu), inputs);
    }
}

TEST_CASE("conv2d followed by relu equals conv2d with fused ReLU") {
    const auto inputs = conv2d_inputs({2, 6, 5, 3}, 4, 3, 3);
    const auto fused = differentiate(conv2d_with(Activation::relu), inputs, DType::float64);
    const auto separate = differentiate(
        [](Tape& tape, const std::vector<Tensor>& x) { return relu(tape, conv2d(tape, x[0], x[1], x[2])); },
        inputs, DType::float64);
    CHECK(fused.output == separate.output);
    CHECK(fused.gradients == separate.gradients);
}

TEST_CASE("conv2d computes gradients only for tensors that require one") {
    for (std::size_t wanted = 0; wanted < 3; ++wanted) {
        auto inputs = conv2d_inputs({1, 5, 4, 2}, 3, 3, 3);
        for (std::size_t i = 0; i < 3; ++i) inputs[i].constant = i != wanted;
        check_gradients(conv2d_with(Activation::none), inputs);
        const auto result = differentiate(conv2d_with(Activation::none), inputs, DType::float64);
        for (std::size_t i = 0; i < 3; ++i) CHECK(result.gradients[i].empty() == (i != wanted));
    }
}

TEST_CASE("gradients of a convolution without bias equal gradients for a zero bias") {
    const Function without = [](Tape& tape, const std::vector<Tensor>& x) {
        return conv2d(tape, x[0], x[1], Tensor(), {.activation = Activation::relu});
    };
    std::vector<Input> inputs = conv2d_inputs({2, 6, 5, 3}, 4, 3, 3);
    inputs[2].values.assign(4, 0.0);
    const auto zero = differentiate(conv2d_with(Activation::relu), inputs, DType::float64);
    inputs.pop_back();
    check_gradients(without, inputs, with_kinks);
    check_float_against_double(without, inputs);
    const auto undefined = differentiate(without, inputs, DType::float64);
    CHECK(undefined.output == zero.output);
    CHECK(undefined.gradients == std::vector(zero.gradients.begin(), zero.gradients.end() - 1));
}

TEST_CASE("gradients of a convolution whose weights are used twice") {
    const Function twice = [](Tape& tape, const std::vector<Tensor>& x) {
        return conv2d(tape, conv2d(tape, x[0], x[1], x[2]), x[1], x[2]);
    };
    check_gradients(twice, conv2d_inputs({1, 6, 5, 2}, 2, 3, 3));
}

TEST_CASE("gradients of a convolution that is scaled and added to a residual in one pass") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        return conv2d(tape, x[0], x[1], x[2], {.scale = -0.3, .residual = x[3]});
    };
    std::vector<Input> inputs = conv2d_inputs({2, 5, 6, 3}, 4, 3, 3);
    inputs.push_back(random_input({2, 5, 6, 4}, 8));
    check_gradients(function, inputs);
    check_float_against_double(function, inputs);
    // Only the residual, or only the bias, requires a gradient.
    for (std::size_t learning : {std::size_t{3}, std::size_t{2}}) {
        for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].constant = i != learning;
        check_gradients(function, inputs);
    }
}

TEST_CASE("gradients of a convolution with ReLU whose output is used twice") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        const Tensor features = conv2d(tape, x[0], x[1], x[2], {.activation = Activation::relu});
        return conv2d(tape, features, x[1], x[2], {.scale = 0.5, .residual = features});
    };
    check_gradients(function, conv2d_inputs({1, 6, 5, 3}, 3, 3, 3), with_kinks);
    check_float_against_double(function, conv2d_inputs({1, 6, 5, 3}, 3, 3, 3));
}

TEST_CASE("gradients of relu") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) { return relu(tape, x[0]); };
    for (const Shape& shape : std::vector<Shape>{{1}, {7}, {2, 5, 3, 4}}) {
        check_gradients(function, {input_away_from_zero(shape, 1)});
        check_float_against_double(function, {input_away_from_zero(shape, 1)});
    }
}

TEST_CASE("gradients of elu") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) { return elu(tape, x[0]); };
    for (const Shape& shape : std::vector<Shape>{{1}, {7}, {2, 5, 3, 4}}) {
        check_gradients(function, {input_away_from_zero(shape, 1)});
        check_float_against_double(function, {input_away_from_zero(shape, 1)});
    }
}

TEST_CASE("gradients of batch_norm with respect to input, gamma and beta") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        Tape recording;  // finite differences use a tape that does not record
        const Shape channels{x[0].shape()[3]};
        return batch_norm(tape.recording() ? tape : recording, x[0],
                          {x[1], x[2], Tensor::zeros(channels, x[0].dtype(), test_device()),
                           Tensor::zeros(channels, x[0].dtype(), test_device())});
    };
    for (const Shape& image : std::vector<Shape>{{1, 1, 2, 1}, {2, 4, 3, 3}, {3, 7, 5, 2}, {1, 2, 3, 33}}) {
        INFO("input " << image.text());
        std::vector<Input> inputs{random_input(image, 1), random_input({image[3]}, 2),
                                  random_input({image[3]}, 3)};
        check_gradients(function, inputs, {.step = 1e-4});
        if (image.elements() > 2) check_float_against_double(function, inputs);
        for (std::size_t wanted = 0; wanted < 3; ++wanted) {
            for (std::size_t i = 0; i < 3; ++i) inputs[i].constant = i != wanted;
            check_gradients(function, inputs, {.step = 1e-4});
        }
    }
}

TEST_CASE("gradients of batch_norm after a ReLU whose output is used twice") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        Tape recording;
        Tape& used = tape.recording() ? tape : recording;
        const auto statistics = [&] { return Tensor::zeros({3}, x[0].dtype(), test_device()); };
        const Tensor features = conv2d(used, x[0], x[1], x[2], {.activation = Activation::relu});
        return add_scaled(used, features, 0.5,
                          batch_norm(used, features, {x[2], x[2], statistics(), statistics()}));
    };
    check_gradients(function, conv2d_inputs({2, 6, 5, 3}, 3, 3, 3), with_kinks);
}

TEST_CASE("gradients of add_scaled, including a tensor added to itself") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        return add_scaled(tape, x[0], 0.1, x[1]);
    };
    const Function itself = [](Tape& tape, const std::vector<Tensor>& x) {
        return add_scaled(tape, x[0], -0.3, x[0]);
    };
    for (const Shape& shape : image_shapes) {
        check_gradients(function, {random_input(shape, 1), random_input(shape, 2)});
        check_float_against_double(function, {random_input(shape, 1), random_input(shape, 2)});
        check_gradients(itself, {random_input(shape, 1)});
    }
}

TEST_CASE("gradients of data plus a branch that is used twice") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        return add_scaled(tape, add_scaled(tape, x[0], 1.0, x[1]), 1.0, relu(tape, x[1]));
    };
    Input data = random_input({2, 4, 3, 3}, 1);
    data.constant = true;
    const std::vector<Input> inputs{data, input_away_from_zero({2, 4, 3, 3}, 2)};
    check_gradients(function, inputs);
    check_float_against_double(function, inputs);
}

TEST_CASE("gradients and values of crop") {
    for (const int axis : {0, 1, 2, 3}) {
        const Function function = [=](Tape& tape, const std::vector<Tensor>& x) {
            return crop(tape, x[0], axis, 2);
        };
        check_gradients(function, {random_input({3, 4, 5, 2}, 1)});
    }
    const Input counted{{2, 2, 3, 1}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
    Tape tape = Tape::inference();
    CHECK(values_of(crop(tape, tensor_of(counted), 2, 2)) == std::vector<double>{0, 1, 3, 4, 6, 7, 9, 10});
    CHECK(values_of(crop(tape, tensor_of(counted), 1, 1)) == std::vector<double>{0, 1, 2, 6, 7, 8});
    CHECK_THROWS_AS(crop(tape, tensor_of(counted), 2, 4), Error);
    CHECK_THROWS_AS(crop(tape, tensor_of(counted), 4, 1), Error);
}

TEST_CASE("gradients of concat, including a tensor joined with itself") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        return concat(tape, {x[0], x[1], x[0]});
    };
    const std::vector<Input> inputs{random_input({2, 3, 5, 2}, 1), random_input({2, 3, 5, 3}, 2)};
    check_gradients(function, inputs);
    check_float_against_double(function, inputs);
    const Function alone = [](Tape& tape, const std::vector<Tensor>& x) { return concat(tape, {x[0]}); };
    check_gradients(alone, {random_input({1, 1, 1, 1}, 3)});
}

TEST_CASE("gradients of a residual block with respect to its input and its parameters") {
    // The block's own parameters take the values of inputs 1 … 4, through a store of the right dtype.
    const auto run = [](DType dtype, const std::vector<Input>& inputs, bool& matches) {
        ParameterStore store;
        const ResidualBlock block(store, "block", 3, 0.1);
        store.allocate(dtype, test_device(), 5);
        Tensor input = tensor_of(inputs[0], dtype).require_gradient();
        Tape tape;
        const Tensor output = block(tape, input);
        tape.backward(
            output,
            tensor_of({output.shape(), cotangent_of(static_cast<std::size_t>(output.elements()))}, dtype));
        const auto composed = [&](Tape& t, const std::vector<Tensor>& x) {
            return add_scaled(
                t, x[0], 0.1,
                conv2d(t, conv2d(t, x[0], x[1], x[2], {.activation = Activation::relu}), x[3], x[4]));
        };
        std::vector<Input> all{inputs[0]};
        for (const auto& p : store.parameters()) all.push_back({p.shape, values_of(p.value)});
        const Differentiated expected = differentiate(composed, all, dtype);
        // The block multiplies by the scale after the convolution's sums, the composition before.
        const double bound = dtype == DType::float32 ? 1e-6 : 1e-14;
        const auto near = [&](const std::vector<double>& x, const std::vector<double>& y) {
            return reference::relative_error(x, y) <= bound;
        };
        matches = near(values_of(output), expected.output) &&
                  near(values_of(input.gradient()), expected.gradients[0]);
        for (std::size_t i = 0; i < 4; ++i)
            matches = matches && near(values_of(store[i].gradient()), expected.gradients[i + 1]);
        if (dtype == DType::float64) check_gradients(composed, all, with_kinks);
        check_float_against_double(composed, all);
    };
    for (DType dtype : {DType::float32, DType::float64}) {
        bool matches = false;
        run(dtype, {random_input({2, 5, 6, 3}, 1)}, matches);
        CHECK(matches);
    }
}

TEST_CASE("gradients and value of squared_error with both reductions") {
    for (const Shape& shape : image_shapes)
        for (Reduction reduction : {Reduction::mean, Reduction::sum}) {
            const Function function = [=](Tape& tape, const std::vector<Tensor>& x) {
                return value_of(tape, squared_error(x[0], x[1], reduction));
            };
            Input target = random_input(shape, 2);
            target.constant = true;
            const std::vector<Input> inputs{random_input(shape, 1), target};
            check_gradients(function, inputs);
            check_float_against_double(function, inputs);

            double sum = 0;
            for (std::size_t i = 0; i < target.values.size(); ++i)
                sum += 0.5 * std::pow(inputs[0].values[i] - target.values[i], 2);
            const auto divisor =
                static_cast<double>(reduction == Reduction::mean ? shape.elements() : shape[0]);
            const auto result = differentiate(function, inputs, DType::float64);
            CHECK(std::abs(result.output[0] - sum / divisor) <= 1e-14 * sum);
        }
}

TEST_CASE("gradients of a weighted sum of terms with shared and separate inputs") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        const TermValue a = squared_error(x[0], x[2], Reduction::sum),
                        b = squared_error(x[0], x[3], Reduction::mean),
                        c = squared_error(x[1], x[3], Reduction::mean);
        return weighted_sum(tape, {{a, 0.5}, {b, -2.0}, {c, 3.0}, {a, 0.25}},
                            Tensor::empty({9}, DType::float64, test_device()));
    };
    std::vector<Input> inputs;
    for (std::uint64_t seed : {1, 2, 3, 4}) inputs.push_back(random_input({2, 3, 4, 1}, seed));
    inputs[2].constant = inputs[3].constant = true;
    check_gradients(function, inputs);
    check_float_against_double(function, inputs);
    inputs[0].constant = true;
    check_gradients(function, inputs);
}

TEST_CASE("gradients of a weighted sum after a ReLU whose output is used twice") {
    const Function function = [](Tape& tape, const std::vector<Tensor>& x) {
        const Tensor rectified = conv2d(tape, x[0], x[1], x[2], {.activation = Activation::relu});
        const Tensor again = conv2d(tape, rectified, x[1], x[2]);
        return weighted_sum(tape,
                            {{squared_error(rectified, x[3], Reduction::mean), 0.5},
                             {squared_error(again, x[3], Reduction::sum), 2.0}},
                            Tensor::empty({5}, DType::float64, test_device()));
    };
    std::vector<Input> inputs = conv2d_inputs({1, 6, 5, 2}, 2, 3, 3);
    inputs.push_back(random_input({1, 6, 5, 2}, 9));
    inputs[3].constant = true;
    check_gradients(function, inputs, with_kinks);
}
