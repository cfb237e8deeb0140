#include "kernels/conv2d/cuda/mma.hpp"

#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/conv2d.hpp"
#include "tests/reference/rounding.hpp"

using namespace dnsp;
using kernels::Activation;
using kernels::Conv2dEpilogue;
using kernels::Conv2dPrecision;
using kernels::Conv2dShape;
using testing::Buffer;
using testing::On;
namespace mma = kernels::cuda::detail;

#define REQUIRE_TENSOR_CORES()                                     \
    DNSP_REQUIRE_CUDA();                                           \
    if (!mma::mma_supports({.in_channels = 8, .out_channels = 8})) \
    DNSP_SKIP("the device has no tensor cores for float32")

namespace {

const std::vector<Conv2dShape> cases{
    {1, 1, 1, 8, 8, 1, 1},       // nearly everything is padding
    {1, 1, 1, 24, 72, 3, 3},     // only the middle tap falls into the image
    {2, 1, 9, 8, 8, 3, 3},       // an image of one row
    {9, 3, 1, 40, 8, 5, 3},      // of one column, and shorter than four pixels
    {5, 2, 3, 8, 24, 3, 3},      // narrower than the fourth pixel
    {3, 5, 7, 24, 40, 3, 3},     // half a slab of channels
    {1, 13, 11, 8, 136, 5, 3},   // several blocks of pixels, and of 64 output channels
    {1, 11, 13, 136, 8, 1, 3},   // the same backwards
    {3, 13, 11, 72, 24, 1, 1},   // several splits of the pixels
    {2, 12, 12, 40, 200, 1, 1},  // several blocks of 128 output channels
    {1, 5, 7, 200, 72, 3, 1},    // the same backwards
};

using Array = std::vector<double>;

/// Of a shape: inputs as float32 holds them, and what each of the three passes makes of them.
struct Problem {
    Conv2dShape shape;
    Array input, weight, bias, gradient;

    explicit Problem(const Conv2dShape& s)
        : shape(s),
          input(in_float32(s.input_elements(), 1)),
          weight(in_float32(s.weight_elements(), 2)),
          bias(in_float32(s.out_channels, 3)),
          gradient(in_float32(s.output_elements(), 4)) {}

    static Array in_float32(std::int64_t count, std::uint64_t seed) {
        return reference::widen(reference::cast<float>(reference::uniform(count, seed)));
    }
    /// With the operands as the tensor cores see them.
    Problem rounded(Conv2dPrecision precision) const {
        Problem out = *this;
        for (Array* values : {&out.input, &out.weight, &out.gradient})
            for (double& value : *values)
                value = precision == Conv2dPrecision::tf32 ? reference::round_to_tf32(value)
                                                           : reference::round_to_bfloat16(value);
        return out;
    }
    Array forward() const { return reference::conv2d_forward(shape, input, weight, bias); }
    Array backward_input() const { return reference::conv2d_backward_input(shape, gradient, weight); }
    Array backward_weight() const { return reference::conv2d_backward_weight(shape, input, gradient); }
};

Array scaled(double factor, Array values) {
    for (double& value : values) value *= factor;
    return values;
}

/// What `run` writes into `count` elements, which must be the same bits each time.
template <class Run>
std::vector<float> output_of(std::int64_t count, Run&& run) {
    std::vector<float> first;
    testing::for_each_thread_order([&] {
        Buffer<float> output(On::cuda, count);
        run(output.data());
        CHECK(output.fences_intact());
        if (first.empty()) first = output.values();
        CHECK(reference::same_bits(first, output.values()));
    });
    return first;
}

/// Read-only device memory with nothing behind it, so that AddressSanitizer and compute-sanitizer see reads
/// out of bounds.
class DeviceArray {
  public:
    explicit DeviceArray(const Array& values)
        : data_(static_cast<float*>(simt::allocate(values.size() * sizeof(float)))) {
        const auto in_float = reference::cast<float>(values);
        simt::copy_to_device(data_, in_float.data(), in_float.size() * sizeof(float));
    }
    ~DeviceArray() { simt::release(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    const float* data() const { return data_; }

  private:
    float* data_;
};

struct OnDevice {
    DeviceArray input, weight, bias, gradient;
    explicit OnDevice(const Problem& p)
        : input(p.input), weight(p.weight), bias(p.bias), gradient(p.gradient) {}
};

constexpr double factor = 0.6;

void check(const Conv2dShape& s, Conv2dPrecision precision) {
    INFO(s.batch << " images of " << s.height << "×" << s.width << ", " << s.in_channels << " → "
                 << s.out_channels << " channels, " << s.kernel_height << "×" << s.kernel_width
                 << (precision == Conv2dPrecision::tf32 ? ", tf32" : ", bfloat16"));
    const Problem exact(s), rounded = exact.rounded(precision);
    const OnDevice device(exact);
    const double bound = precision == Conv2dPrecision::tf32 ? 1e-3 : 1e-2;

    const auto output = output_of(s.output_elements(), [&](float* to) {
        mma::mma_forward(s, precision, device.input.data(), device.weight.data(), device.bias.data(), {}, to);
    });
    CHECK(reference::relative_error(output, exact.forward()) <= bound);
    CHECK(reference::relative_error(output, rounded.forward()) <= 1e-5);

    const auto input_gradient = output_of(s.input_elements(), [&](float* to) {
        mma::mma_backward_input(s, precision, device.gradient.data(), factor, device.weight.data(), nullptr,
                                nullptr, to);
    });
    CHECK(reference::relative_error(input_gradient, scaled(factor, exact.backward_input())) <= bound);
    CHECK(reference::relative_error(input_gradient, scaled(factor, rounded.backward_input())) <= 1e-5);

    const auto weight_gradient = output_of(s.weight_elements(), [&](float* to) {
        mma::mma_backward_weight(s, precision, device.input.data(), device.gradient.data(), factor, to);
    });
    CHECK(reference::relative_error(weight_gradient, scaled(factor, exact.backward_weight())) <= bound);
    CHECK(reference::relative_error(weight_gradient, scaled(factor, rounded.backward_weight())) <= 1e-5);
}

}  // namespace

TEST_CASE("conv2d on tensor cores multiplies in tf32 and sums in float32, cuda") {
    REQUIRE_TENSOR_CORES();
    for (const auto& shape : cases) check(shape, Conv2dPrecision::tf32);
}

TEST_CASE("conv2d on tensor cores multiplies in bfloat16 and sums in float32, cuda") {
    REQUIRE_TENSOR_CORES();
    for (const auto& shape : cases) check(shape, Conv2dPrecision::bfloat16);
}

TEST_CASE("conv2d on tensor cores adds the bias, scales, adds the residual and rectifies, cuda") {
    REQUIRE_TENSOR_CORES();
    // 3 of 4 lanes' channels and 5 of 8 rows' pixels at the end of a block.
    for (const Conv2dShape s : {Conv2dShape{1, 7, 19, 8, 24, 1, 3}, Conv2dShape{1, 3, 7, 8, 72, 1, 1}}) {
        const Problem p = Problem(s).rounded(Conv2dPrecision::tf32);
        const OnDevice device(p);
        const Array residual = Problem::in_float32(s.output_elements(), 5);
        const DeviceArray residual_on_device(residual);
        for (auto activation : {Activation::none, Activation::relu})
            for (double scale : {1.0, -0.3})
                for (bool with_residual : {false, true}) {
                    INFO("scale " << scale << (with_residual ? ", residual" : "")
                                  << (activation == Activation::relu ? ", ReLU" : ""));
                    const Conv2dEpilogue<float> epilogue{activation, scale,
                                                         with_residual ? residual_on_device.data() : nullptr};
                    const auto output = output_of(s.output_elements(), [&](float* to) {
                        mma::mma_forward(s, Conv2dPrecision::tf32, device.input.data(), device.weight.data(),
                                         device.bias.data(), epilogue, to);
                    });
                    Array expected = scaled(scale, p.forward());
                    if (with_residual)
                        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
                    if (activation == Activation::relu) expected = reference::relu(expected);
                    CHECK(reference::relative_error(output, expected) <= 1e-5);
                }
    }
}

TEST_CASE("the gradient on tensor cores is 0 wherever the rectified input is not positive, cuda") {
    REQUIRE_TENSOR_CORES();
    const Conv2dShape s{1, 7, 19, 24, 8, 3, 1};
    const Problem p = Problem(s).rounded(Conv2dPrecision::bfloat16);
    const OnDevice device(p);
    Array expected = scaled(factor, p.backward_input()), rectified = reference::relu(p.input);
    rectified[3] = std::numeric_limits<double>::quiet_NaN();
    rectified[5] = -0.0;
    rectified[8] = -1.0;
    rectified[9] = 1e-30;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (!(rectified[i] > 0)) expected[i] = 0;
    const DeviceArray rectified_on_device(rectified);
    const auto gradient = output_of(s.input_elements(), [&](float* to) {
        mma::mma_backward_input(s, Conv2dPrecision::bfloat16, device.gradient.data(), factor,
                                device.weight.data(), rectified_on_device.data(), nullptr, to);
    });
    CHECK(reference::relative_error(gradient, expected) <= 1e-5);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK((gradient[i] == 0) == (expected[i] == 0));
}

TEST_CASE(
    "a NaN passes through the tensor cores and the ReLU to the pixels that see it, and to no other, cuda") {
    REQUIRE_TENSOR_CORES();
    const Conv2dShape s{1, 9, 15, 8, 8, 3, 3};
    const auto column_of = [&](std::size_t i) {
        return static_cast<std::int64_t>(i) / s.in_channels % s.width;
    };
    const auto row_of = [&](std::size_t i) { return static_cast<std::int64_t>(i) / s.in_channels / s.width; };
    for (auto precision : {Conv2dPrecision::tf32, Conv2dPrecision::bfloat16}) {
        Problem p(s);
        // All channels of the pixel: what is read behind the channels of another one would show.
        for (std::int64_t channel = 0; channel < s.in_channels; ++channel)
            p.input[static_cast<std::size_t>((4 * s.width + 13) * s.in_channels + channel)] = std::nan("");
        const OnDevice device(p);
        const auto output = output_of(s.output_elements(), [&](float* to) {
            mma::mma_forward(s, precision, device.input.data(), device.weight.data(), device.bias.data(),
                             {.activation = Activation::relu}, to);
        });
        for (std::size_t i = 0; i < output.size(); ++i)
            REQUIRE(std::isnan(output[i]) == (std::abs(row_of(i) - 4) <= 1 && column_of(i) >= 12));
    }
}

TEST_CASE("conv2d on tensor cores of no images leaves a weight gradient of zeros, cuda") {
    REQUIRE_TENSOR_CORES();
    const Conv2dShape s{0, 5, 6, 8, 16, 3, 3};
    Buffer<float> nothing(On::cuda, 0), weight(On::cuda, s.weight_elements()), bias(On::cuda, s.out_channels);
    Buffer<float> weight_gradient(On::cuda, s.weight_elements());
    for (auto precision : {Conv2dPrecision::tf32, Conv2dPrecision::bfloat16}) {
        mma::mma_forward(s, precision, nothing.data(), weight.data(), bias.data(), {}, nothing.data());
        mma::mma_backward_input(s, precision, nothing.data(), 1.0, weight.data(), nullptr, nullptr,
                                nothing.data());
        CHECK(nothing.fences_intact());
        mma::mma_backward_weight(s, precision, nothing.data(), nothing.data(), 1.0, weight_gradient.data());
        CHECK(weight_gradient.values() ==
              std::vector<float>(static_cast<std::size_t>(s.weight_elements()), 0.0f));
    }
}

TEST_CASE("tensor cores serve channels by the eight, and no float32 products, cuda") {
    REQUIRE_TENSOR_CORES();
    const auto served = [](std::int64_t in, std::int64_t out) {
        return mma::mma_supports({.in_channels = in, .out_channels = out});
    };
    CHECK((served(8, 8) && served(24, 136) && served(256, 64)));
    CHECK((!served(1, 8) && !served(8, 1) && !served(12, 8) && !served(8, 4) && !served(0, 8) &&
           !served(8, 0)));
    CHECK(!mma::mma_supports(
        {.batch = 1 << 16, .height = 1 << 8, .width = 1 << 8, .in_channels = 8, .out_channels = 8}));
    CHECK_THROWS_AS(mma::mma_forward({.in_channels = 8, .out_channels = 8}, Conv2dPrecision::float32, nullptr,
                                     nullptr, nullptr, {}, nullptr),
                    Error);
}
