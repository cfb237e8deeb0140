#include "engine/adam.hpp"

#include "engine/tape.hpp"
#include "tests/catch.hpp"
#include "tests/reference/adam.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

struct Model {
    ParameterStore store;
    std::size_t weight, filters, statistics, bias;

    explicit Model(DType dtype = DType::float64) {
        weight = store.add("weight", {5, 7}, ParameterGroup::network, Initialiser::he_uniform(7));
        filters = store.add("filters", {2, 3, 3}, ParameterGroup::filters, Initialiser::normal(1.0));
        statistics = store.add("statistics", {6}, ParameterGroup::buffers, Initialiser::normal(1.0));
        bias = store.add("bias", {5}, ParameterGroup::network, Initialiser::he_uniform(7));
        store.allocate(dtype, test_device(), 1);
    }
    void set_gradient(std::size_t index, const std::vector<double>& gradient) {
        accumulate_gradient(store[index], [&](const Tensor& target) {
            target.copy_from(Tensor::from<double>(store[index].shape(), gradient));
        });
    }
};

std::vector<double> gradient(std::int64_t count, std::uint64_t seed) {
    return reference::uniform(count, seed);
}

}  // namespace

TEST_CASE("Adam updates each group with the rate of the group, in any order of the parameters") {
    Model model;
    Adam adam(model.store, {});
    const double network_rate = 1e-3, filters_rate = 1e-2;
    const auto follow = [&](std::size_t index, double rate) {
        return reference::Adam{rate, 0.9, 0.999, 1e-8, model.store[index].to_vector<double>()};
    };
    auto weight = follow(model.weight, network_rate), filters = follow(model.filters, filters_rate);
    auto bias = follow(model.bias, network_rate);
    const auto statistics = model.store[model.statistics].to_vector<double>();
    for (std::uint64_t t = 1; t <= 5; ++t) {
        model.store.discard_gradients();
        model.set_gradient(model.weight, gradient(35, t));
        model.set_gradient(model.filters, gradient(18, 100 + t));
        const bool bias_used = t != 3;
        if (bias_used) model.set_gradient(model.bias, gradient(5, 200 + t));
        adam.step({network_rate, filters_rate});
        weight.step(gradient(35, t));
        filters.step(gradient(18, 100 + t));
        bias.step(bias_used ? gradient(5, 200 + t) : std::vector<double>(5, 0.0));
        CHECK(adam.steps_taken() == static_cast<std::int64_t>(t));
    }
    CHECK(reference::relative_error(model.store[model.weight].to_vector<double>(), weight.theta) < 1e-13);
    CHECK(reference::relative_error(model.store[model.filters].to_vector<double>(), filters.theta) < 1e-13);
    CHECK(reference::relative_error(model.store[model.bias].to_vector<double>(), bias.theta) < 1e-13);

    CHECK(model.store[model.statistics].to_vector<double>() == statistics);

    const auto& p = model.store.parameters()[model.filters];
    CHECK(adam.first_moment(p).shape() == p.shape);
    CHECK(reference::relative_error(adam.first_moment(p).to_vector<double>(), filters.m) < 1e-13);
    CHECK(reference::relative_error(adam.second_moment(p).to_vector<double>(), filters.v) < 1e-13);
}

TEST_CASE("Adam continues from given moments and a given number of steps") {
    Model whole, halves;
    Adam one(whole.store, {});
    auto first = std::make_unique<Adam>(halves.store, AdamOptions{});
    const auto step = [](Model& model, Adam& adam, std::uint64_t t) {
        model.store.discard_gradients();
        model.set_gradient(model.weight, gradient(35, t));
        adam.step({1e-3, 1e-3});
    };
    for (std::uint64_t t = 1; t <= 6; ++t) step(whole, one, t);
    for (std::uint64_t t = 1; t <= 3; ++t) step(halves, *first, t);

    Adam second(halves.store, {});
    for (const auto& p : halves.store.parameters()) {
        if (!is_trained(p.group)) continue;
        second.first_moment(p).copy_from(first->first_moment(p));
        second.second_moment(p).copy_from(first->second_moment(p));
    }
    second.set_steps_taken(first->steps_taken());
    first.reset();
    for (std::uint64_t t = 4; t <= 6; ++t) step(halves, second, t);
    CHECK(whole.store.values().to_vector<double>() == halves.store.values().to_vector<double>());
}

TEST_CASE("a rate of zero leaves the values of a group unchanged") {
    Model model;
    Adam adam(model.store, {});
    const auto before = model.store[model.filters].to_vector<double>();
    model.set_gradient(model.filters, gradient(18, 1));
    adam.step({1e-3, 0.0});
    CHECK(model.store[model.filters].to_vector<double>() == before);
}
