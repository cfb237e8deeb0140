// Wrong shapes are refused with a sentence that names the operation.
#include <functional>

#include "layers/add_scaled.hpp"
#include "layers/batch_norm.hpp"
#include "layers/concat.hpp"
#include "layers/conv2d.hpp"
#include "layers/elu.hpp"
#include "layers/relu.hpp"
#include "layers/squared_error.hpp"
#include "layers/weighted_sum.hpp"
#include "tests/catch.hpp"

using namespace dnsp;

namespace {

Tensor zeros(const Shape& shape, DType dtype = DType::float32) { return Tensor::zeros(shape, dtype); }

void check_refused(const std::string& operation, const std::function<void(Tape&)>& call) {
    Tape tape;
    try {
        call(tape);
        FAIL_CHECK("[" << operation << "] accepted wrong shapes");
    } catch (const Error& error) {
        INFO(error.what());
        CHECK(std::string(error.what()).starts_with("[" + operation + "]"));
    }
}

}  // namespace

TEST_CASE("conv2d refuses shapes that do not fit") {
    const auto refused = [](const Shape& input, const Shape& weight, const Shape& bias) {
        check_refused("conv2d", [&](Tape& tape) { conv2d(tape, zeros(input), zeros(weight), zeros(bias)); });
    };
    refused({1, 4, 4}, {2, 3, 3, 1}, {2});
    refused({1, 4, 4, 1}, {2, 3, 3}, {2});
    refused({1, 4, 4, 3}, {2, 3, 3, 1}, {2});
    refused({1, 4, 4, 1}, {2, 2, 2, 1}, {2});
    refused({1, 4, 4, 1}, {2, 3, 4, 1}, {2});
    refused({1, 4, 4, 1}, {2, 3, 3, 1}, {3});
    refused({1, 4, 4, 1}, {2, 3, 3, 1}, {2, 1});
    refused({0, 4, 4, 1}, {2, 3, 3, 1}, {2});
    refused({1, 4, 0, 1}, {2, 3, 3, 1}, {2});
    refused({1, 4, 4, 1}, {0, 3, 3, 1}, {0});
    check_refused("conv2d", [](Tape& tape) {
        conv2d(tape, zeros({1, 4, 4, 1}, DType::float64), zeros({2, 3, 3, 1}), zeros({2}));
    });
    try {
        Tape tape;
        conv2d(tape, zeros({1, 4, 4, 32}), zeros({2, 3, 3, 64}), zeros({2}));
    } catch (const Error& error) {
        CHECK(std::string(error.what()) == "[conv2d] weight expects 64 input channels, input has 32");
    }
}

TEST_CASE("batch_norm refuses shapes that do not fit") {
    const auto refused = [](const Shape& input, const Shape& parameters, DType dtype = DType::float32) {
        const Tensor p = zeros(parameters, dtype);
        check_refused("batch_norm", [&](Tape& t) { batch_norm(t, zeros(input), {p, p, p, p}); });
    };
    refused({4, 4, 2}, {2});
    refused({1, 4, 4, 2}, {3});
    refused({1, 4, 4, 2}, {2, 1});
    refused({0, 4, 4, 2}, {2});
    refused({1, 4, 4, 2}, {2}, DType::float64);
    check_refused("batch_norm", [](Tape& t) { batch_norm(t, zeros({1, 4, 4, 2}), {}); });
}

TEST_CASE("the other layers refuse shapes that do not fit") {
    check_refused("add_scaled", [](Tape& t) {
        add_scaled(t, zeros({1, 2, 2, 1}), 1.0, zeros({1, 2, 3, 1}));
    });
    check_refused("add_scaled", [](Tape& t) { add_scaled(t, zeros({3}), 1.0, zeros({3}, DType::float64)); });
    check_refused("concat", [](Tape& t) { concat(t, {}); });
    check_refused("concat", [](Tape& t) { concat(t, {zeros({2, 2, 2})}); });
    check_refused("concat", [](Tape& t) { concat(t, {zeros({1, 2, 2, 1}), zeros({1, 2, 3, 1})}); });
    check_refused("concat", [](Tape& t) {
        concat(t, {zeros({1, 2, 2, 1}), zeros({1, 2, 2, 1}, DType::float64)});
    });
    check_refused("squared_error", [](Tape&) {
        squared_error(zeros({1, 2, 2, 1}), zeros({1, 2, 3, 1}), Reduction::mean);
    });
    const auto metrics = [](std::int64_t count) { return zeros({count}, DType::float64); };
    const TermValue function{metrics(1), 1.0, {{zeros({4}), zeros({4})}}};
    check_refused("weighted_sum", [&](Tape& t) { weighted_sum(t, {}, metrics(1)); });
    check_refused("weighted_sum", [&](Tape& t) { weighted_sum(t, {{function, 1.0}}, metrics(2)); });
    check_refused("weighted_sum", [&](Tape& t) {
        weighted_sum(t, std::vector<WeightedTerm>(17, {function, 1.0}), metrics(35));
    });
    check_refused("weighted_sum", [&](Tape& t) {
        weighted_sum(t, {{{metrics(1), 1.0, {}}, 1.0}}, metrics(3));
    });
}

TEST_CASE("an undefined tensor is refused, not dereferenced") {
    check_refused("relu", [](Tape& t) { relu(t, Tensor()); });
    check_refused("elu", [](Tape& t) { elu(t, Tensor()); });
    check_refused("add_scaled", [](Tape& t) { add_scaled(t, Tensor(), 1.0, Tensor()); });
    check_refused("squared_error", [](Tape&) { squared_error(Tensor(), Tensor(), Reduction::mean); });
    check_refused("conv2d", [](Tape& t) { conv2d(t, Tensor(), Tensor(), Tensor()); });
}
