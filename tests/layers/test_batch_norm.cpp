// Training and inference of a batch normalisation.
#include "layers/batch_norm.hpp"

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/batch_norm.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

const Shape images{2, 5, 4, 3};

std::vector<double> batch(std::uint64_t seed) { return reference::uniform(images.elements(), seed, 2, 5); }

Tensor apply(const BatchNorm& norm, Tape tape, const std::vector<double>& values) {
    return norm(tape, Tensor::from<double>(images, values, test_device()));
}

}  // namespace

TEST_CASE("batch_norm is initially the identity in inference, and normalises a batch in training") {
    ParameterStore store;
    const BatchNorm norm(store, "norm", 3);
    store.allocate(DType::float64, test_device(), 1);
    CHECK(store.elements(ParameterGroup::network) == 6);
    CHECK(store.elements(ParameterGroup::buffers) == 6);
    const auto inferred = apply(norm, Tape::inference(), batch(1)).to_vector<double>();
    auto expected = batch(1);
    for (double& value : expected) value /= std::sqrt(1 + 1e-5);
    CHECK(reference::relative_error(inferred, expected) < 1e-15);

    const auto trained = apply(norm, Tape(), batch(1)).to_vector<double>();
    for (std::size_t c = 0; c < 3; ++c) {
        double mean = 0, square = 0;
        for (std::size_t i = c; i < trained.size(); i += 3) {
            mean += trained[i] / 40;
            square += trained[i] * trained[i] / 40;
        }
        CHECK(std::abs(mean) < 1e-13);
        CHECK(std::abs(square - 1) < 1e-4);
    }
}

TEST_CASE("batch_norm inference uses the running statistics and does not change them") {
    ParameterStore store;
    const BatchNorm norm(store, "norm", 3);
    store.allocate(DType::float64, test_device(), 1);
    std::vector<double> mean(3, 0.0), variance(3, 1.0);
    const std::vector<double> ones(3, 1.0), zeros(3, 0.0), unused(120, 0.0);
    for (const std::uint64_t seed : {1, 2}) {
        apply(norm, Tape(), batch(seed));
        const auto statistics = reference::batch_norm(40, 3, 1e-5, batch(seed), ones, zeros, unused);
        for (std::size_t c = 0; c < 3; ++c) {
            mean[c] = 0.9 * mean[c] + 0.1 * statistics.mean[c];
            variance[c] = 0.9 * variance[c] + 0.1 * statistics.unbiased_variance[c];
        }
    }
    auto expected = batch(3);
    for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] = (expected[i] - mean[i % 3]) / std::sqrt(variance[i % 3] + 1e-5);
    for (int repetition = 0; repetition < 2; ++repetition) {
        const auto inferred = apply(norm, Tape::inference(), batch(3)).to_vector<double>();
        CHECK(reference::relative_error(inferred, expected) < 1e-13);
    }
    CHECK(reference::relative_error(apply(norm, Tape(), batch(3)).to_vector<double>(), expected) > 0.1);
}
