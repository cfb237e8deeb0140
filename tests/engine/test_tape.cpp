#include "engine/tape.hpp"

#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"
#include "tests/catch.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

/// A layer that multiplies by a constant; counts the backward steps that ran.
struct Times {
    double factor;
    int* backward_steps = nullptr;

    Tensor operator()(Tape& tape, const Tensor& input) const {
        Tensor output = Tensor::empty_like(input);
        DNSP_KERNEL_FOR(input.device(), scale<double>)
        (input.elements(), factor, input.data<double>(), output.data<double>());
        if (!tape.needs_gradient(input)) return output;
        tape.record(output, [=, f = factor, count = backward_steps](const Tensor& output_gradient) {
            if (count) ++*count;
            accumulate_gradient(input, [&](const Tensor& target) {
                DNSP_KERNEL_FOR(input.device(), scale<double>)
                (input.elements(), f, output_gradient.data<double>(), target.data<double>());
            });
        });
        return output;
    }
};

Tensor sum_of(Tape& tape, const Tensor& a, const Tensor& b) {
    Tensor output = Tensor::empty_like(a);
    DNSP_KERNEL_FOR(a.device(), add<double>)
    (a.elements(), a.data<double>(), b.data<double>(), output.data<double>());
    if (!tape.needs_gradient(a, b)) return output;
    tape.record(output, [=](const Tensor& output_gradient) {
        accumulate_gradient(a, [&](const Tensor& target) { target.copy_from(output_gradient); });
        accumulate_gradient(b, [&](const Tensor& target) { target.copy_from(output_gradient); });
    });
    return output;
}

Tensor leaf(double value) {
    Tensor tensor = Tensor::from<double>({1}, {value}, test_device());
    tensor.require_gradient();
    return tensor;
}

}  // namespace

TEST_CASE("gradients of a tensor that is used more than once add up") {
    const Tensor x = leaf(3);
    Tape tape;
    const Tensor y = sum_of(tape, Times{2}(tape, x), Times{5}(tape, x));
    const Tensor z = sum_of(tape, y, y);
    tape.backward(sum_of(tape, z, x));
    CHECK(z.item() == 42);
    CHECK(x.gradient().item() == 2 * (2 + 5) + 1);
}

TEST_CASE("gradients are proportional to the cotangent") {
    Tensor x = Tensor::from<double>({3}, {1, 2, 3}, test_device());
    x.require_gradient();
    Tape tape;
    const Tensor y = Times{2}(tape, x);
    tape.backward(y, Tensor::from<double>({3}, {1, 0, -1}, test_device()));
    CHECK(x.gradient().to_vector<double>() == std::vector<double>{2, 0, -2});
}

TEST_CASE("the backward pass skips branches that the output does not depend on") {
    const Tensor x = leaf(1);
    int used = 0, unused = 0;
    Tape tape;
    const Tensor a = Times{2, &used}(tape, x);
    const Tensor b = Times{3, &unused}(tape, x);
    const Tensor beyond = Times{4, &unused}(tape, a);
    tape.backward(a);
    CHECK(used == 1);
    CHECK(unused == 0);
    CHECK(x.gradient().item() == 2);
    CHECK_FALSE(b.gradient().defined());
    CHECK_FALSE(beyond.gradient().defined());
}

TEST_CASE("an inference tape records nothing, and neither does a tape of constants") {
    Tape inference = Tape::inference();
    CHECK_FALSE(Times{2}(inference, leaf(1)).requires_gradient());
    Tape tape;
    CHECK_FALSE(Times{2}(tape, Tensor::from<double>({1}, {1.0}, test_device())).requires_gradient());
}

TEST_CASE("an inference tape frees activations at once, a recording tape after their backward steps") {
    const std::int64_t elements = 1 << 16;
    const std::size_t bytes = elements * sizeof(double);
    Tensor x = Tensor::zeros({elements}, DType::float64, test_device());
    const auto in_use = [] { return arena_statistics(test_device()).bytes_in_use; };
    const std::size_t before = in_use();
    {
        Tape tape = Tape::inference();
        Tensor y = x;
        for (int i = 0; i < 10; ++i) y = Times{2}(tape, y);
        CHECK(in_use() <= before + 2 * bytes);
    }
    CHECK(in_use() == before);
    x.require_gradient();
    Tape tape;
    {
        Tensor y = x;
        for (int i = 0; i < 10; ++i) y = Times{2}(tape, y);
        CHECK(in_use() >= before + 9 * bytes);
        Tensor one = Tensor::empty_like(y);
        one.fill(1);
        tape.backward(y, one);
    }
    CHECK(in_use() <= before + bytes);  // the gradient of x
    CHECK(x.gradient().to_vector<double>().front() == 1024);
}

TEST_CASE("a tape that never runs backward leaks nothing") {
    const std::size_t before = arena_statistics(test_device()).bytes_in_use;
    {
        Tensor x = leaf(1);
        Tape tape;
        const Tensor y = sum_of(tape, Times{2}(tape, x), x);
    }
    CHECK(arena_statistics(test_device()).bytes_in_use == before);
}

TEST_CASE("backward refuses an output without gradient, or a cotangent of another shape") {
    Tape tape;
    CHECK_THROWS_AS(tape.backward(Tensor::from<double>({1}, {1.0}, test_device())), Error);
    Tensor x = Tensor::from<double>({2}, {1, 2}, test_device());
    x.require_gradient();
    const Tensor y = Times{2}(tape, x);
    CHECK_THROWS_AS(tape.backward(y), Error);
    CHECK_THROWS_AS(tape.backward(y, Tensor::zeros({3}, DType::float64)), Error);
    CHECK_THROWS_AS(tape.backward(y, Tensor::zeros({2}, DType::float32)), Error);
}

TEST_CASE("contributions to the output of a fused ReLU are masked by accumulate_gradient or by write") {
    Tensor x = Tensor::from<double>({3}, {1, 0, 2}, test_device());
    x.require_gradient();
    x.gradient_slot()->relu_output = Tensor::from<double>({3}, {1, 0, 2}, test_device());
    const Tensor ones = Tensor::from<double>({3}, {1, 1, 1}, test_device());
    accumulate_gradient(x, [&](const Tensor& target) { target.copy_from(ones); });
    CHECK(x.gradient().to_vector<double>() == std::vector<double>{1, 0, 1});
    // accumulate_gradient leaves the result of a write of three arguments unchanged.
    accumulate_gradient(x, [&](const Tensor& target, const Tensor& relu_output, const Tensor& accumulated) {
        CHECK(relu_output.to_vector<double>() == std::vector<double>{1, 0, 2});
        CHECK(accumulated.to_vector<double>() == std::vector<double>{1, 0, 1});
        target.fill(7);
    });
    CHECK(x.gradient().to_vector<double>() == std::vector<double>{7, 7, 7});
}

TEST_CASE("a write of three arguments gets no accumulated gradient for the first contribution") {
    Tensor x = Tensor::from<double>({2}, {1, 2}, test_device());
    x.require_gradient();
    accumulate_gradient(x, [&](const Tensor& target, const Tensor& relu_output, const Tensor& accumulated) {
        CHECK(!relu_output.defined());
        CHECK(!accumulated.defined());
        target.fill(3);
    });
    CHECK(x.gradient().to_vector<double>() == std::vector<double>{3, 3});
}

TEST_CASE("forward_gradient moves the memory of a gradient only if no other tensor can read it") {
    const auto pass = [](Tape& tape, const Tensor& input) {
        Tensor output = Tensor::empty_like(input);
        output.copy_from(input);
        tape.record(output, [=](const Tensor& gradient) { forward_gradient(input, gradient); });
        return output;
    };
    for (const bool kept : {false, true}) {
        Tensor x = Tensor::from<double>({2}, {1, 2}, test_device());
        x.require_gradient();
        Tape tape;
        Tensor seen;
        const auto last = [&] {
            // y is used twice: the second contribution is added to the forwarded first one.
            const Tensor y = pass(tape, x);
            const Tensor a = pass(tape, y), b = Times{2}(tape, y);
            Tensor sum = Tensor::zeros({2}, DType::float64, test_device());
            tape.record(sum, [=](const Tensor& gradient) {
                accumulate_gradient(b, [&](const Tensor& target) { target.copy_from(gradient); });
                forward_gradient(a, gradient);
            });
            if (kept) seen = a;
            return sum;
        }();
        tape.backward(last, Tensor::from<double>({2}, {1, 10}, test_device()));
        CHECK(x.gradient().to_vector<double>() == std::vector<double>{3, 30});
        if (kept) CHECK(seen.gradient().to_vector<double>() == std::vector<double>{1, 10});
    }
}
