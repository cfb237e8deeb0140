// The learned filters (initial values, norm constraint) and the filter measure S.
#include "engine/adam.hpp"
#include "priors/filter_bank.hpp"
#include "priors/filter_measure.hpp"
#include "tests/gradient_check.hpp"
#include "tests/reference/filter_response.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

SharpAndSmooth patches_of(const Input& sharp, const Input& smooth) {
    return {tensor_of(sharp), tensor_of(smooth)};
}

Function measure_of(const SharpAndSmooth& patches, std::int64_t kernel, Border border) {
    return [=, measure = FilterMeasure(patches, kernel, border, test_device())](
               Tape& tape, const std::vector<Tensor>& x) { return value_of(tape, measure.evaluate(x[0])); };
}

/// Filter norms after some steps of Adam against an arbitrary gradient.
std::vector<double> norms_after_training(bool fixed, DType dtype, std::vector<double>& initial) {
    ParameterStore store;
    const FilterOptions options{.fixed_norms = fixed};
    FilterBank bank(store, options);
    store.allocate(dtype, test_device(), 1);
    initial = bank.norms();
    bank.reference_norms();
    Adam adam(store, {});
    for (int i = 0; i < 20; ++i) {
        store.discard_gradients();
        accumulate_gradient(bank.weights(), [](const Tensor& target) { target.fill(0.3); });
        accumulate_gradient(bank.weights(), [&](const Tensor& target) { target.copy_from(bank.weights()); });
        adam.step({1e-3, 5e-2});
        bank.constrain();
    }
    return bank.norms();
}

}  // namespace

TEST_CASE("gradients of the filter measure with respect to the filters") {
    for (Border border : {Border::valid, Border::zero})
        for (std::int64_t kernel : {3, 5}) {
            const auto patches =
                patches_of(random_input({2, 7, 9, 1}, 1, 0, 1), random_input({3, 8, 6, 1}, 2, 0, 1));
            const auto function = measure_of(patches, kernel, border);
            check_gradients(function, {random_input({8, kernel, kernel}, 3)}, {.elements = 72});
            check_float_against_double(function, {random_input({8, kernel, kernel}, 3)});
        }
}

TEST_CASE("the filter measure is paper Eq. (9): smooth minus sharp") {
    const Input sharp = random_input({2, 7, 9, 1}, 1, 0, 1), smooth = random_input({3, 8, 6, 1}, 2, 0, 1);
    const Input filters = random_input({8, 3, 3}, 3);
    for (Border border : {Border::valid, Border::zero}) {
        std::vector<double> gradient(72, 0.0);
        double expected =
            reference::filter_energy({3, 8, 6, 8, 3, border}, smooth.values, filters.values, 1, gradient);
        expected +=
            reference::filter_energy({2, 7, 9, 8, 3, border}, sharp.values, filters.values, -1, gradient);
        const auto result =
            differentiate(measure_of(patches_of(sharp, smooth), 3, border), {filters}, DType::float64);
        CHECK(std::abs(result.output[0] / expected - 1) < 1e-11);
        for (double& g : gradient) g *= cotangent_of(1)[0];
        CHECK(reference::relative_error(result.gradients[0], gradient) < 1e-11);
    }
}

TEST_CASE("a filter that responds to sharp patches has a smaller measure") {
    Input smooth = random_input({1, 12, 12, 1}, 1, 0.5, 0.51), sharp = random_input({1, 12, 12, 1}, 2, 0, 1);
    Tape tape = Tape::inference();
    const FilterMeasure measure(patches_of(sharp, smooth), 3, Border::valid, test_device());
    const Tensor edge = Tensor::from<double>({1, 3, 3}, laplacian(0.25), test_device());
    const Tensor average = Tensor::from<double>({1, 3, 3}, std::vector<double>(9, 1.0 / 9), test_device());
    CHECK(value_of(tape, measure.evaluate(edge)).item() < 0);
    CHECK(value_of(tape, measure.evaluate(edge)).item() < value_of(tape, measure.evaluate(average)).item());
}

TEST_CASE("the filter measure refuses patches smaller than the filters, and filters of another size") {
    const Input large = random_input({1, 9, 9, 1}, 2);
    for (const Shape& shape : {Shape{1, 2, 9, 1}, Shape{1, 9, 2, 1}}) {
        const Input small = random_input(shape, 1);
        CHECK_THROWS_AS(FilterMeasure(patches_of(large, small), 3, Border::valid, test_device()), Error);
    }
    const Input smallest = random_input({1, 3, 3, 1}, 3);
    CHECK_NOTHROW(FilterMeasure(patches_of(smallest, smallest), 3, Border::valid, test_device()));
    CHECK_THROWS_AS(FilterMeasure({}, 3, Border::valid, test_device()), Error);
    const FilterMeasure measure(patches_of(large, large), 3, Border::valid, test_device());
    Tape tape;
    CHECK_THROWS_AS(measure.evaluate(Tensor::zeros({8, 5, 5}, DType::float64)), Error);
    CHECK_THROWS_AS(measure.evaluate(Tensor::zeros({8, 9}, DType::float64)), Error);
    CHECK_THROWS_AS(measure.evaluate(Tensor::zeros({1, 8, 3, 3}, DType::float64)), Error);
}

TEST_CASE("a bank has at least one filter") {
    ParameterStore store;
    FilterOptions options;
    options.filters = 1;
    CHECK_NOTHROW(FilterBank(store, options));
    options.filters = 0;
    ParameterStore other;
    CHECK_THROWS_AS(FilterBank(other, options), Error);
}

TEST_CASE("a constant takes the type of each tensor that asks for it") {
    Constant constant({2}, {0.1, -3});
    const auto of = [](DType type) { return Tensor::zeros({1}, type, test_device()); };
    CHECK(values_of(constant.like(of(DType::float32))) == std::vector<double>{0.1f, -3});
    CHECK(constant.like(of(DType::float64)).dtype() == DType::float64);
    CHECK(values_of(constant.like(of(DType::float64))) == std::vector<double>{0.1, -3});
    const void* first = constant.like(of(DType::float64)).data<double>();
    CHECK(constant.like(of(DType::float64)).data<double>() == first);  // made once
}

TEST_CASE("each filter starts at the Laplacian plus a different small normal perturbation") {
    ParameterStore store;
    FilterBank bank(store, {});
    store.allocate(DType::float64, test_device(), 1);
    CHECK(bank.weights().shape() == Shape{8, 3, 3});
    CHECK(store.elements(ParameterGroup::filters) == 72);
    const auto taps = values_of(bank.weights());
    double squares = 0;
    for (std::size_t i = 0; i < taps.size(); ++i) squares += std::pow(taps[i] - laplacian(0.25)[i % 9], 2);
    CHECK(std::abs(std::sqrt(squares / 72) / 0.01 - 1) < 0.3);
    CHECK(std::vector<double>(taps.begin(), taps.begin() + 9) !=
          std::vector<double>(taps.begin() + 9, taps.begin() + 18));
    CHECK(laplacian(1) == std::vector<double>{0, -1, 0, -1, 4, -1, 0, -1, 0});
    for (double n : bank.norms()) CHECK(std::abs(n - std::sqrt(20.0) / 4) < 0.1);
}

TEST_CASE("the constraint keeps the norm of every filter, and norms change without it") {
    for (DType dtype : {DType::float32, DType::float64}) {
        std::vector<double> initial;
        const auto kept = norms_after_training(true, dtype, initial);
        CHECK(reference::relative_error(kept, initial) < (dtype == DType::float32 ? 1e-6 : 1e-14));
        const auto moved = norms_after_training(false, dtype, initial);
        CHECK(reference::relative_error(moved, initial) > 0.05);
    }
}

TEST_CASE("the constraint uses reference norms from a checkpoint, and refuses to run without norms") {
    ParameterStore store;
    FilterBank bank(store, {});
    store.allocate(DType::float64, test_device(), 1);
    CHECK_THROWS_AS(bank.constrain(), Error);
    bank.set_reference_norms(std::vector<double>(8, 2.0));
    bank.constrain();
    for (double n : bank.norms()) CHECK(std::abs(n - 2) < 1e-14);
}
