#include "kernels/elementwise.hpp"
#include "tests/kernels/conv2d_cases.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// An image: as stored, in device memory, and as the reference reads it.
template <class T>
struct Image {
    Array values;
    Buffer<T> on_device;
    Image(std::int64_t count, std::uint64_t seed, bool relu = false)
        : Image(stored<T>(relu ? reference::relu(reference::uniform(count, seed))
                               : reference::uniform(count, seed))) {}
    explicit Image(const std::vector<T>& all) : values(widened(all)), on_device(On::cuda, all) {}
    T* data() { return on_device.data(); }
};

/// Error bound of a result stored as T: half a unit in the last place, plus the error of the sum.
template <class T>
void compare(Buffer<T>& got, const Array& expected, double bound_of_sums) {
    CHECK(got.fences_intact());
    const Array values = widened(got.values());
    REQUIRE(values.size() == expected.size());
    const double rounding = std::is_same_v<T, bfloat16> ? 0x1p-8 : 0.0;
    const double size = reference::norm(expected) / std::sqrt(static_cast<double>(expected.size()));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!(std::abs(values[i] - expected[i]) <= rounding * std::abs(expected[i]) + bound_of_sums * size))
            ++wrong;
    CHECK(wrong == 0);
}

template <class In, class Out>
void check(const Conv2dShape& s, double bound) {
    INFO("in " << sizeof(In) << " bytes, out " << sizeof(Out) << " bytes, " << text(s));
    Image<In> input(s.input_elements(), 1), relu_output(s.input_elements(), 6, true),
        accumulate(s.input_elements(), 7);
    Image<Out> gradient(s.output_elements(), 4), residual(s.output_elements(), 5);
    // Weights are exact in bfloat16, because tensor cores round them.
    const Array w = widened(stored<bfloat16>(reference::uniform(s.weight_elements(), 2, -0.2, 0.2)));
    const Array b = widened(stored<float>(reference::uniform(s.out_channels, 3)));
    Buffer<float> weight(On::cuda, stored<float>(w)), bias(On::cuda, stored<float>(b));

    Array expected = scaled(0.5, reference::conv2d_forward(s, input.values, w, b));
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual.values[i];
    Buffer<Out> output(On::cuda, s.output_elements());
    kernels::cuda::conv2d_forward<In, Out>(s, {.input = input.data(),
                                               .weight = weight.data(),
                                               .bias = bias.data(),
                                               .epilogue = {Activation::relu, 0.5, residual.data()},
                                               .output = output.data()});
    compare(output, reference::relu(expected), bound);

    const Array to_input = scaled(-0.5, reference::conv2d_backward_input(s, gradient.values, w));
    for (const bool mask : {false, true})
        for (const bool add : {false, true}) {
            INFO("backward_input" << (mask ? ", masked" : "") << (add ? ", added" : ""));
            Array sum = to_input;
            for (std::size_t i = 0; i < sum.size(); ++i) {
                if (add) sum[i] += accumulate.values[i];
                if (mask && relu_output.values[i] == 0) sum[i] = 0;
            }
            const auto run = [&](const In* accumulated, In* to) {
                kernels::cuda::conv2d_backward_input<In, Out>(
                    s, {.output_gradient = gradient.data(),
                        .scale = -0.5,
                        .weight = weight.data(),
                        .relu_output = mask ? relu_output.data() : nullptr,
                        .accumulate = accumulated,
                        .input_gradient = to});
            };
            Buffer<In> input_gradient(On::cuda, s.input_elements());
            run(add ? accumulate.data() : nullptr, input_gradient.data());
            compare(input_gradient, sum, bound);
            if (!add) continue;
            Buffer<In> in_place(On::cuda, stored<In>(accumulate.values));
            run(in_place.data(), in_place.data());
            compare(in_place, sum, bound);
        }

    Buffer<float> weight_gradient(On::cuda, s.weight_elements()), bias_gradient(On::cuda, s.out_channels),
        bias_alone(On::cuda, s.out_channels);
    kernels::cuda::conv2d_backward_weight<In, Out>(s, {.input = input.data(),
                                                       .output_gradient = gradient.data(),
                                                       .scale = 0.5,
                                                       .weight_gradient = weight_gradient.data(),
                                                       .bias_gradient = bias_gradient.data()});
    compare(weight_gradient, scaled(0.5, reference::conv2d_backward_weight(s, input.values, gradient.values)),
            bound);
    const Array offsets = scaled(0.5, reference::conv2d_backward_bias(s, gradient.values));
    compare(bias_gradient, offsets, 1e-5);
    kernels::cuda::conv2d_backward_bias<Out>(s, gradient.data(), 0.5, bias_alone.data());
    compare(bias_alone, offsets, 1e-5);
}

void check_all(const Conv2dShape& s, double bound) {
    check<bfloat16, bfloat16>(s, bound);
    check<float, bfloat16>(s, bound);
    check<bfloat16, float>(s, bound);
}

}  // namespace

TEST_CASE("conv2d between images in bfloat16 agrees with plain loops in double on what is stored") {
    const WithOptions options(exact);
    for (const Conv2dShape& s : every_cuda_path) check_all(s, 1e-5);
}

TEST_CASE("conv2d between images in bfloat16 rounds no more where wgmma takes the channels") {
    const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
    check<bfloat16, bfloat16>({1, 5, 6, 64, 64, 3, 3}, 1e-4);
}

TEST_CASE("images are stored as bfloat16 if wgmma supports them and bfloat16 is selected") {
    using kernels::cuda::conv2d_stores_bfloat16;
    const bool hopper = simt::compute_capability() == 90;
    {
        const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
        CHECK(conv2d_stores_bfloat16(64, 128) == hopper);
        CHECK_FALSE(conv2d_stores_bfloat16(64, 32));
        CHECK_FALSE(conv2d_stores_bfloat16(1, 64));
    }
    const WithOptions options({Conv2dBackend::native, Conv2dPrecision::tf32});
    CHECK_FALSE(conv2d_stores_bfloat16(64, 64));
}

TEST_CASE("convert rounds to nearest, and back without loss") {
    std::vector<float> values{1.0f,  1.00390625f, 1.01171875f, -3.14159f, 1e-40f,
                              3e38f, HUGE_VALF,   0.0f,        65504.0f};
    Buffer<float> input(On::cuda, values), back(On::cuda, static_cast<std::int64_t>(values.size()));
    Buffer<bfloat16> narrow(On::cuda, std::vector<bfloat16>(values.size()));
    kernels::cuda::convert(static_cast<std::int64_t>(values.size()), input.data(), narrow.data());
    kernels::cuda::convert(static_cast<std::int64_t>(values.size()), narrow.data(), back.data());
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
    Image<bfloat16> left(stored<bfloat16>(a)), right(stored<bfloat16>(b));
    Buffer<bfloat16> sum(On::cuda, 1001);
    kernels::cuda::add(1001, left.data(), right.data(), sum.data());
    Array expected = left.values;
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += right.values[i];
    compare(sum, expected, 1e-7);
}
