// A training loop allocates memory from the system in its first iteration only.
#include "engine/adam.hpp"
#include "layers/conv2d.hpp"
#include "layers/squared_error.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

TEST_CASE("a training step allocates and keeps no memory after its first iteration") {
    ParameterStore store;
    const Conv2d first(store, "first", {.out_channels = 8, .activation = Activation::relu}),
        second(store, "second", {.in_channels = 8});
    store.allocate(DType::float32, test_device(), 1);
    Adam adam(store, {});
    const Shape shape{4, 20, 20, 1};
    const Tensor input =
        Tensor::from<float>(shape, reference::cast<float>(reference::uniform(1600, 1)), test_device());
    const Tensor target =
        Tensor::from<float>(shape, reference::cast<float>(reference::uniform(1600, 2)), test_device());
    const auto iteration = [&] {
        store.discard_gradients();
        Tape tape;
        const Tensor loss =
            value_of(tape, squared_error(second(tape, first(tape, input)), target, Reduction::mean));
        tape.backward(loss);
        adam.step({1e-3, 1e-3});
        return loss.item();
    };
    const double before = iteration();
    const auto after_first = arena_statistics(test_device());
    double loss = before;
    for (int i = 0; i < 20; ++i) loss = iteration();
    const auto after_many = arena_statistics(test_device());
    CHECK(after_many.system_allocations == after_first.system_allocations);
    CHECK(after_many.bytes_in_use == after_first.bytes_in_use);
    CHECK(after_many.peak_bytes_in_use == after_first.peak_bytes_in_use);
    CHECK(loss < before);
}
