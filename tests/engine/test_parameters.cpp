#include "engine/parameters.hpp"

#include <algorithm>
#include <cmath>

#include "engine/tape.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

ParameterStore small_store(std::uint64_t seed, DType dtype = DType::float64) {
    ParameterStore store;
    store.add("a.weight", {3, 3, 3, 2}, ParameterGroup::network, Initialiser::he_uniform(18));
    store.add("a.bias", {3}, ParameterGroup::network, Initialiser::zeros());
    store.add("filters", {8, 3, 3}, ParameterGroup::filters,
              Initialiser::normal(0.01, {0, -1, 0, -1, 4, -1, 0, -1, 0}));
    store.allocate(dtype, test_device(), seed);
    return store;
}

/// Adds to a gradient as a backward pass does.
void contribute(const Tensor& parameter, double value) {
    accumulate_gradient(parameter, [&](const Tensor& target) { target.fill(value); });
}

}  // namespace

TEST_CASE("parameters lie in one flat array by group, and each starts a cache line") {
    const ParameterStore store = small_store(1, DType::float32);
    std::int64_t end = 0;
    for (const auto& p : store.parameters()) {
        CHECK(p.first % 16 == 0);
        CHECK(p.first >= end);
        CHECK(p.first < end + 16);
        end = p.first + p.shape.elements();
        CHECK(p.value.data<float>() == store.values().data<float>() + p.first);
        CHECK(p.value.gradient_slot()->value.data<float>() == store.gradients().data<float>() + p.first);
    }
    CHECK(store.values().elements() >= end);
    CHECK(store.elements(ParameterGroup::network) == 57);
    CHECK(store.elements(ParameterGroup::filters) == 72);
}

TEST_CASE("each group is one segment for any order of add(), and buffers have no gradient") {
    ParameterStore store;
    const std::vector<ParameterGroup> order{ParameterGroup::buffers, ParameterGroup::network,
                                            ParameterGroup::filters, ParameterGroup::network,
                                            ParameterGroup::buffers, ParameterGroup::filters};
    for (std::size_t i = 0; i < order.size(); ++i)
        store.add(std::to_string(i), {static_cast<std::int64_t>(10 * (i + 1))}, order[i],
                  Initialiser::normal(1.0));
    store.allocate(DType::float64, test_device(), 1);
    // 20 and 40 elements of the network, 30 and 60 of filters, 10 and 50 of buffers, each padded to 16.
    const std::vector<std::int64_t> first{176, 0, 80, 32, 192, 112};
    for (std::size_t i = 0; i < order.size(); ++i) CHECK(store.parameters()[i].first == first[i]);
    const auto is = [&](ParameterGroup group, std::int64_t begin, std::int64_t count) {
        return store.segment(group).first == begin && store.segment(group).count == count;
    };
    CHECK(is(ParameterGroup::network, 0, 80));
    CHECK(is(ParameterGroup::filters, 80, 96));
    CHECK(is(ParameterGroup::buffers, 176, 80));
    CHECK(store.values().elements() == 256);
    CHECK(store.gradients().elements() == 176);
    for (std::size_t i = 0; i < order.size(); ++i)
        CHECK(store[i].requires_gradient() == (order[i] != ParameterGroup::buffers));
    store.discard_gradients();
    store.complete_gradients();
    CHECK(store.elements(ParameterGroup::buffers) == 60);
}

TEST_CASE("initial values depend bitwise on seed and name, not on other parameters") {
    const ParameterStore one = small_store(7), same = small_store(7), other = small_store(8);
    CHECK(one.values().to_vector<double>() == same.values().to_vector<double>());
    CHECK(one[0].to_vector<double>() != other[0].to_vector<double>());

    ParameterStore moved;
    moved.add("first", {5}, ParameterGroup::network, Initialiser::he_uniform(18));
    const auto twin =
        moved.add("a.weight", {3, 3, 3, 2}, ParameterGroup::network, Initialiser::he_uniform(18));
    const auto renamed =
        moved.add("b.weight", {3, 3, 3, 2}, ParameterGroup::network, Initialiser::he_uniform(18));
    moved.allocate(DType::float64, test_device(), 7);
    CHECK(moved[twin].to_vector<double>() == one[0].to_vector<double>());
    CHECK(moved[renamed].to_vector<double>() != one[0].to_vector<double>());

    const ParameterStore narrow = small_store(7, DType::float32);
    CHECK(narrow[0].to_vector<float>() == reference::cast<float>(one[0].to_vector<double>()));
}

TEST_CASE("initial values have the mean and the deviation of the initialiser") {
    constexpr std::int64_t n = 20000;
    ParameterStore store;
    const auto uniform = store.add("uniform", {n}, ParameterGroup::network, Initialiser::he_uniform(25));
    const auto normal = store.add("normal", {n}, ParameterGroup::network, Initialiser::normal(0.5, {1, 2}));
    store.allocate(DType::float64, test_device(), 3);
    const auto u = store[uniform].to_vector<double>(), z = store[normal].to_vector<double>();
    CHECK(*std::max_element(u.begin(), u.end()) <= 0.2);
    CHECK(*std::min_element(u.begin(), u.end()) >= -0.2);
    CHECK(std::abs(reference::norm(u) / std::sqrt(n) - 0.2 / std::sqrt(3)) < 0.002);
    std::vector<double> deviation = z;
    for (std::size_t i = 0; i < deviation.size(); ++i) deviation[i] -= i % 2 == 0 ? 1 : 2;
    CHECK(std::abs(reference::norm(deviation) / std::sqrt(n) - 0.5) < 0.02);
}

TEST_CASE("a truncated normal initialiser redraws single elements beyond two deviations") {
    constexpr std::int64_t n = 20000;
    ParameterStore store, short_store;
    const auto index = store.add("w", {n}, ParameterGroup::network, Initialiser::truncated_normal(0.5));
    short_store.add("w", {100}, ParameterGroup::network, Initialiser::truncated_normal(0.5));
    ParameterStore normal_store;
    normal_store.add("w", {n}, ParameterGroup::network, Initialiser::normal(0.5));
    for (ParameterStore* s : {&store, &short_store, &normal_store})
        s->allocate(DType::float64, test_device(), 3);
    const auto values = store[index].to_vector<double>(), normal = normal_store[0].to_vector<double>(),
               first = short_store[0].to_vector<double>();
    std::int64_t drawn_again = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::abs(values[i]) > 1.0) FAIL_CHECK("element " << i << " is " << values[i]);
        if (std::abs(normal[i]) > 1.0)
            ++drawn_again;
        else if (values[i] != normal[i])
            FAIL_CHECK("element " << i << " was drawn again");
    }
    CHECK(std::abs(static_cast<double>(drawn_again) / n - 0.0455) < 0.005);  // 2 (1 − Φ(2))
    CHECK(std::abs(reference::norm(values) / std::sqrt(n) - 0.5 * 0.8796) < 0.005);
    CHECK(std::equal(first.begin(), first.end(), values.begin()));
}

TEST_CASE("a store refuses to add parameters after allocate()") {
    ParameterStore store;
    store.add("a", {1}, ParameterGroup::network, Initialiser::zeros());
    CHECK_THROWS_AS(store.add("a", {1}, ParameterGroup::network, Initialiser::zeros()), Error);
    store.allocate(DType::float32, test_device(), 1);
    CHECK_THROWS_AS(store.add("b", {1}, ParameterGroup::network, Initialiser::zeros()), Error);
    CHECK_THROWS_AS(store.allocate(DType::float32, test_device(), 1), Error);
}

TEST_CASE("gradients: the first contribution overwrites, later ones add, missing ones are zero") {
    ParameterStore store = small_store(1);
    store.gradients().fill(99);
    store.discard_gradients();
    contribute(store[0], 1.5);
    contribute(store[0], 2.0);  // a parameter used twice
    CHECK(store[0].gradient().to_vector<double>() == std::vector<double>(54, 3.5));
    store.complete_gradients();
    CHECK(store.gradients().view(store.parameters()[1].first, {3}).to_vector<double>() ==
          std::vector<double>(3, 0.0));
    CHECK(store.gradients().view(0, {54}).to_vector<double>() == std::vector<double>(54, 3.5));
    store.discard_gradients();
    contribute(store[0], -1.0);
    CHECK(store[0].gradient().to_vector<double>() == std::vector<double>(54, -1.0));
}
