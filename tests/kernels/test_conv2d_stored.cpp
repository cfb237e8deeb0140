// Images stored as bfloat16, and convolutions on the CPU that multiply in bfloat16.
#include <cfloat>

#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/elementwise.hpp"
#include "tests/kernels/conv2d_stored_check.hpp"
#include "tests/kernels/cpu_precision.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("conv2d between images in bfloat16 agrees with plain loops in double on what is stored") {
    const WithOptions options(exact);
    const On where = device_under_test();
    for (const Conv2dShape& s : every_path_of(where)) check_all_stored(where, s, 1e-5, 1e-5);
}

TEST_CASE("convert rounds to nearest, and back without loss") {
    std::vector<float> values{1.0f,  1.00390625f, 1.01171875f, -3.14159f, 1e-40f,
                              3e38f, HUGE_VALF,   0.0f,        65504.0f};
    const On where = device_under_test();
    Buffer<float> input(where, values), back(where, static_cast<std::int64_t>(values.size()));
    Buffer<bfloat16> narrow(where, std::vector<bfloat16>(values.size()));
    DNSP_STORED(where, convert<float, bfloat16>)
    (static_cast<std::int64_t>(values.size()), input.data(), narrow.data());
    DNSP_STORED(where, convert<bfloat16, float>)
    (static_cast<std::int64_t>(values.size()), narrow.data(), back.data());
    const std::vector<float> got = back.values();
    // Ties go to the even neighbour: 1 + 2⁻⁸ down, 1 + 3·2⁻⁸ up.
    CHECK(got[0] == 1.0f);
    CHECK(got[1] == 1.0f);
    CHECK(got[2] == 1.015625f);
    for (std::size_t i = 3; i < values.size(); ++i) {
        INFO(values[i]);
        if (std::isinf(values[i]))
            CHECK(got[i] == values[i]);
        else
            CHECK(std::abs(got[i] - values[i]) <= 0x1p-8 * std::abs(values[i]) + 0x1p-134);
    }
}

TEST_CASE("bfloat16 numbers are added in float") {
    const Array a = reference::uniform(1001, 1), b = reference::uniform(1001, 2);
    const On where = device_under_test();
    Image<bfloat16> left(where, stored<bfloat16>(a)), right(where, stored<bfloat16>(b));
    Buffer<bfloat16> sum(where, 1001);
    DNSP_STORED(where, add<bfloat16>)(1001, left.data(), right.data(), sum.data());
    Array expected = left.values;
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += right.values[i];
    compare(sum, expected, 1e-7);
}

TEST_CASE("products in bfloat16 on the CPU agree with plain loops in double") {
    if (device_under_test() != On::cpu) DNSP_SKIP("a case of the CPU");
    for (const auto* const unit : bfloat16_units_here()) {
        INFO(unit->name);
        for (const std::int64_t channels : {16, 32, 48, 64}) {
            if (channels > unit->max_channels) continue;
            for (const auto& [rows, depth, parts] :
                 {std::tuple{1, 1, 1}, std::tuple{3, 2, 1}, std::tuple{2, 3, 9}})
                check_products(*unit, rows * unit->rows, channels,
                               depth * std::max<std::int64_t>(unit->depth, 16), parts);
        }
    }
}

TEST_CASE("bfloat16 instructions of the processor give the bits of their emulation") {
    if (device_under_test() != On::cpu) DNSP_SKIP("a case of the CPU");
    using namespace kernels::cpu::detail;
    int compared = 0;
    for (const auto& [unit, emulated] : {std::pair{&amx_unit, &emulated_amx_unit},
                                         std::pair{&avx512_bf16_unit, &emulated_avx512_bf16_unit}}) {
        if (!unit->is_available()) continue;
        INFO(unit->name);
        ++compared;
        for (const double size :
             {1.0, 1e-19, 1e-38, 1e19})  // products and sums that are denormal, or infinite
            for (const std::int64_t channels : {16, 32}) {
                INFO(channels);
                const ProductCase product(96, channels, 64, 3, size);
                CHECK(reference::same_bits(products_of(*unit, product), products_of(*emulated, product)));
            }
    }
    if (compared == 0) DNSP_SKIP("the processor has neither AMX nor AVX512_BF16");
}

TEST_CASE("convolutions on the CPU in bfloat16 agree with plain loops in double") {
    if (device_under_test() != On::cpu) DNSP_SKIP("a case of the CPU");
    const std::vector<Conv2dShape> shapes{
        {1, 17, 34, 16, 48, 3, 3},
        {1, 9, 11, 32, 32, 3, 3},
        {2, 5, 7, 64, 96, 3, 3},
        {1, 13, 14, 32, 64, 1, 1},
        {1, 5, 33, 32, 32, 5, 3},
        {1, 1, 1, 64, 32, 3, 3},
        {2, 13, 14, 32, 1, 5, 3},
        {9, 17, 5, 32, 32, 3, 3},
        {2, 11, 19, 1, 64, 9, 9},
        {1, 10, 35, 4, 48, 3, 5},
        {1, 9, 6, 64, 3, 3, 3},
        // Blocks that are read from the image, and blocks that are copied because of its edges.
        {1, 27, 75, 32, 32, 3, 3},
        {1, 19, 51, 32, 64, 5, 5},
        {1, 18, 66, 32, 32, 1, 1}};
    for (const auto* const unit : bfloat16_units_here()) {
        const CpuPrecision precision(unit);
        for (const Conv2dShape& s : shapes) {
            INFO(unit->name);
            // Winograd's transforms are rounded to bfloat16; without it, operands are exact.
            const bool winograd = !unit->direct && s.kernel_height == 3 && s.kernel_width == 3 &&
                                  std::min(s.in_channels, s.out_channels) >= 16;
            check_all_stored(On::cpu, s, winograd ? 0.03 : 1e-5, 1e-5);
        }
    }
}

TEST_CASE("the first layer in bfloat16 on the CPU rounds its input to 16 bits") {
    if (device_under_test() != On::cpu) DNSP_SKIP("a case of the CPU");
    const Conv2dShape s{1, 12, 21, 1, 32, 9, 9};
    const Array x = widened(stored<float>(reference::uniform(s.input_elements(), 1))),
                w = widened(stored<bfloat16>(reference::uniform(s.weight_elements(), 2)));
    const Array expected = reference::conv2d_forward(s, x, w, Array(32, 0.0));
    Buffer<float> input(On::cpu, stored<float>(x)), weight(On::cpu, stored<float>(w)),
        bias(On::cpu, std::vector<float>(32)), output(On::cpu, s.output_elements());
    for (const auto* const unit : bfloat16_units_here()) {
        if (!unit->direct) continue;
        INFO(unit->name);
        const CpuPrecision precision(unit);
        kernels::cpu::conv2d_forward<float>(
            s,
            {.input = input.data(), .weight = weight.data(), .bias = bias.data(), .output = output.data()});
        compare(output, expected, 0x1p-17);
    }
}
