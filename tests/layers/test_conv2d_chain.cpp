// Two convolutions in one pass (Conv2d::then).
#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "layers/conv2d.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

template <class T>
void check_chain(const Conv2d::Options& first_options, const Conv2d::Options& second_options,
                 const Shape& shape) {
    INFO(shape.text() << ", kernels " << first_options.kernel << " and " << second_options.kernel);
    ParameterStore store;
    const Conv2d first(store, "first", first_options), second(store, "second", second_options);
    store.allocate(std::is_same_v<T, float> ? DType::float32 : DType::float64, test_device(), 1);
    const Tensor input =
        Tensor::from<T>(shape, reference::cast<T>(reference::uniform(shape.elements(), 2)), test_device());
    for (const bool recording : {false, true}) {
        INFO("recording " << recording);
        Tape tape(recording);
        const Tensor together = first.then(tape, second, input), alone = second(tape, first(tape, input));
        REQUIRE(together.shape() == alone.shape());
        CHECK(reference::same_bits(together.to_vector<T>(), alone.to_vector<T>()));
        CHECK(together.requires_gradient() == recording);
    }
}

}  // namespace

TEST_CASE("two convolutions in one pass give the bits of one after the other") {
    const Conv2d::Options extraction{.out_channels = 64, .kernel = 9, .activation = Activation::relu},
        mapping{.in_channels = 64, .out_channels = 32, .kernel = 1, .activation = Activation::relu};
    // A part of a tile, a row of tiles that fills no chunk, and one of several chunks.
    for (const Shape& shape : {Shape{2, 1, 1, 1}, Shape{2, 9, 23, 1}, Shape{1, 6, 131, 1}})
        check_chain<float>(extraction, mapping, shape);
    check_chain<double>(extraction, mapping, {1, 5, 7, 1});
    check_chain<float>({.in_channels = 2, .out_channels = 16, .kernel = 9},
                       {.in_channels = 16, .out_channels = 48, .kernel = 1}, {1, 9, 67, 2});
    // No kernel computes these in one pass.
    check_chain<float>(extraction, {.in_channels = 64, .out_channels = 4, .kernel = 3}, {1, 5, 7, 1});
    check_chain<float>({.out_channels = 16, .kernel = 9, .bias = false},
                       {.in_channels = 16, .out_channels = 16, .kernel = 1}, {1, 5, 7, 1});
}

TEST_CASE("two convolutions in one pass in bfloat16 on the CPU give the bits of one after the other") {
    if (test_device().kind != DeviceKind::cpu) DNSP_SKIP("a case of the CPU");
    using namespace kernels::cpu::detail;
    for (const Bfloat16Unit* unit : {&emulated_amx_unit, &emulated_avx512_bf16_unit}) {
        INFO(unit->name);
        set_bfloat16_unit(unit);
        kernels::cpu::set_conv2d_precision(kernels::Conv2dPrecision::bfloat16);
        CHECK(kernels::cpu::conv2d_chain_supports({1, 8, 8, 1, 64, 9, 9}, {1, 8, 8, 64, 32, 1, 1}));
        for (const Shape& shape : {Shape{2, 10, 35, 1}, Shape{1, 6, 131, 1}})
            check_chain<float>(
                {.out_channels = 64, .kernel = 9, .activation = Activation::relu},
                {.in_channels = 64, .out_channels = 32, .kernel = 1, .activation = Activation::relu}, shape);
    }
    kernels::cpu::set_conv2d_precision(kernels::Conv2dPrecision::float32);
    set_bfloat16_unit(nullptr);
}

TEST_CASE("SRCNN's first two layers on the CPU are one pass, in float32") {
    using kernels::cpu::conv2d_chain_supports;
    CHECK(conv2d_chain_supports({1, 8, 8, 1, 64, 9, 9}, {1, 8, 8, 64, 32, 1, 1}));
    CHECK_FALSE(conv2d_chain_supports({1, 8, 8, 1, 64, 9, 9}, {1, 8, 8, 64, 32, 3, 3}));
    CHECK_FALSE(conv2d_chain_supports({1, 8, 8, 64, 64, 9, 9}, {1, 8, 8, 64, 32, 1, 1}));
}
