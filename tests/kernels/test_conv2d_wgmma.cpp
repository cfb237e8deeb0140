#include "kernels/conv2d/cuda/wgmma.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/conv2d.hpp"
#include "tests/reference/rounding.hpp"

using namespace dnsp;
using kernels::Activation;
using kernels::bfloat16;
using kernels::Conv2dShape;
using testing::Buffer;
using testing::On;
namespace wgmma = kernels::cuda::detail;

#define REQUIRE_HOPPER()                                                 \
    DNSP_REQUIRE_CUDA();                                                 \
    if (!wgmma::wgmma_supports({.in_channels = 64, .out_channels = 64})) \
    DNSP_SKIP("the device is not of compute capability 9.0")

namespace {

const std::vector<Conv2dShape> cases{
    {1, 1, 1, 64, 64, 1, 1},     // one pixel
    {1, 1, 1, 64, 64, 5, 3},     // nearly everything is padding
    {1, 7, 5, 64, 64, 3, 3},     // less than a box
    {3, 5, 7, 64, 128, 3, 3},    // several images; two warpgroups
    {1, 13, 41, 64, 64, 3, 3},   // several boxes, the last ones of a single column
    {1, 41, 13, 128, 64, 1, 3},  // several slabs of input channels
    {2, 10, 40, 64, 64, 3, 1},   // boxes that fill the images
    {1, 9, 11, 64, 128, 5, 5},   // a kernel higher than 3
    {1, 9, 9, 64, 64, 11, 1},    // as high as can be
    {3, 6, 20, 128, 192, 1, 1},  // three blocks of output channels
    {3, 3, 7, 256, 256, 3, 3},   // two tiles of a warpgroup
};

using Array = std::vector<double>;
/// Of bfloat16, signed for the fences of Buffer.
using Bits = std::vector<std::int16_t>;

std::int16_t nearest(double value) {
    return std::bit_cast<std::int16_t>(bfloat16(static_cast<float>(value)));
}
Bits in_bfloat16(const Array& values) {
    Bits bits(values.size());
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = nearest(values[i]);
    return bits;
}
Array widened(const Bits& bits) {
    Array values(bits.size());
    for (std::size_t i = 0; i < bits.size(); ++i)
        values[i] = static_cast<double>(static_cast<float>(std::bit_cast<bfloat16>(bits[i])));
    return values;
}

/// Of a shape: images as bfloat16 holds them, weights as float32 does.
struct Problem {
    Conv2dShape shape;
    Array input = image(shape.input_elements(), 1), weight = in_float32(shape.weight_elements(), 2),
          bias = in_float32(shape.out_channels, 3), gradient = image(shape.output_elements(), 4);

    static Array in_float32(std::int64_t count, std::uint64_t seed) {
        return reference::widen(reference::cast<float>(reference::uniform(count, seed)));
    }
    static Array image(std::int64_t count, std::uint64_t seed) {
        Array values = reference::uniform(count, seed);
        for (double& value : values) value = reference::round_to_bfloat16(value);
        return values;
    }
    /// With the weights as the tensor cores see them.
    Problem rounded() const {
        Problem out = *this;
        for (double& value : out.weight) value = reference::round_to_bfloat16(value);
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

/// Read-only device memory with nothing behind it, so that what is read out of bounds shows.
template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(const std::vector<T>& values) : data_(simt::allocate(values.size() * sizeof(T))) {
        simt::copy_to_device(data_, values.data(), values.size() * sizeof(T));
    }
    ~DeviceArray() { simt::release(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    template <class U = T>
    const U* as() const {
        return static_cast<const U*>(data_);
    }

  private:
    void* data_;
};

struct OnDevice {
    DeviceArray<std::int16_t> input, gradient;
    DeviceArray<float> weight, bias;
    explicit OnDevice(const Problem& p)
        : input(in_bfloat16(p.input)),
          gradient(in_bfloat16(p.gradient)),
          weight(reference::cast<float>(p.weight)),
          bias(reference::cast<float>(p.bias)) {}
};

/// What `run` writes into `count` elements, which must be the same bits each time.
template <class T, class Run>
std::vector<T> output_of(std::int64_t count, T unwritten, Run&& run) {
    std::vector<T> first;
    testing::for_each_thread_order([&] {
        Buffer<T> output(On::cuda, std::vector<T>(static_cast<std::size_t>(count), unwritten));
        run(output.data());
        CHECK(output.fences_intact());
        if (first.empty()) first = output.values();
        CHECK(reference::same_bits(first, output.values()));
    });
    return first;
}
template <class Run>
Array image_of(std::int64_t count, Run&& run) {
    return widened(output_of<std::int16_t>(count, 0x7fff,
                                           [&](std::int16_t* to) { run(reinterpret_cast<bfloat16*>(to)); }));
}

/// Whether `image` is `expected`, rounded: 2⁻⁸ of an element, and what summing in float32 costs; `sums` are
/// what it was made of, before a ReLU.
void check_image(const Array& image, const Array& expected, const Array& sums) {
    REQUIRE(image.size() == expected.size());
    const double size = reference::norm(sums) / std::sqrt(static_cast<double>(sums.size()));
    double worst = 0;
    for (std::size_t i = 0; i < image.size(); ++i) {
        const double error = std::abs(image[i] - expected[i]) - 0x1p-8 * std::abs(expected[i]);
        worst = error <= worst ? worst : error;  // a NaN is the worst
    }
    CHECK(worst <= 1e-5 * size);
}

constexpr double factor = 0.6;

void check(const Conv2dShape& s) {
    INFO(s.batch << " images of " << s.height << "×" << s.width << ", " << s.in_channels << " → "
                 << s.out_channels << " channels, " << s.kernel_height << "×" << s.kernel_width);
    REQUIRE(wgmma::wgmma_supports(s));
    const Problem exact{s}, rounded = exact.rounded();
    const OnDevice device(exact);

    const auto output = image_of(s.output_elements(), [&](bfloat16* to) {
        wgmma::wgmma_forward(s, device.input.as<bfloat16>(), device.weight.as(), device.bias.as(), {}, to);
    });
    CHECK(reference::relative_error(output, exact.forward()) <= 1e-2);
    check_image(output, rounded.forward(), rounded.forward());

    const auto input_gradient = image_of(s.input_elements(), [&](bfloat16* to) {
        wgmma::wgmma_backward_input(s, device.gradient.as<bfloat16>(), factor, device.weight.as(), nullptr,
                                    nullptr, to);
    });
    const Array expected = scaled(factor, rounded.backward_input());
    CHECK(reference::relative_error(input_gradient, scaled(factor, exact.backward_input())) <= 1e-2);
    check_image(input_gradient, expected, expected);

    const auto weight_gradient =
        output_of(s.weight_elements(), std::numeric_limits<float>::quiet_NaN(), [&](float* to) {
            wgmma::wgmma_backward_weight(s, device.input.as<bfloat16>(), device.gradient.as<bfloat16>(),
                                         factor, to);
        });
    CHECK(reference::relative_error(weight_gradient, scaled(factor, exact.backward_weight())) <= 1e-5);
}

}  // namespace

TEST_CASE("conv2d by wgmma multiplies in bfloat16 and sums in float32, cuda") {
    REQUIRE_HOPPER();
    for (const auto& shape : cases) check(shape);
}

TEST_CASE("conv2d by wgmma adds the bias, scales, adds the residual and rectifies, cuda") {
    REQUIRE_HOPPER();
    for (const Conv2dShape s : {Conv2dShape{1, 7, 19, 64, 128, 1, 3}, Conv2dShape{2, 3, 7, 64, 256, 1, 1}}) {
        const Problem p = Problem{s}.rounded();
        Problem without_bias = p;
        without_bias.bias.assign(p.bias.size(), 0.0);
        const OnDevice device(p);
        const Array residual = Problem::image(s.output_elements(), 5);
        const DeviceArray residual_on_device(in_bfloat16(residual));
        for (auto activation : {Activation::none, Activation::relu})
            for (double scale : {1.0, -0.3})
                for (bool with_bias : {false, true})
                    for (bool with_residual : {false, true}) {
                        INFO("scale " << scale << (with_bias ? ", bias" : "")
                                      << (with_residual ? ", residual" : "")
                                      << (activation == Activation::relu ? ", ReLU" : ""));
                        const auto output = image_of(s.output_elements(), [&](bfloat16* to) {
                            wgmma::wgmma_forward(
                                s, device.input.as<bfloat16>(), device.weight.as(),
                                with_bias ? device.bias.as() : nullptr,
                                {activation, scale,
                                 with_residual ? residual_on_device.as<bfloat16>() : nullptr},
                                to);
                        });
                        Array expected = scaled(scale, (with_bias ? p : without_bias).forward());
                        if (with_residual)
                            for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
                        check_image(output,
                                    activation == Activation::relu ? reference::relu(expected) : expected,
                                    expected);
                    }
    }
}

TEST_CASE("the gradient by wgmma is 0 wherever the rectified input is not positive, cuda") {
    REQUIRE_HOPPER();
    const Conv2dShape s{1, 7, 19, 128, 64, 3, 1};
    const Problem p = Problem{s}.rounded();
    const OnDevice device(p);
    Array rectified = reference::relu(p.input);
    rectified[3] = std::numeric_limits<double>::quiet_NaN();
    rectified[5] = -0.0;
    rectified[8] = -1.0;
    rectified[9] = 1e-30;
    const Array sums = scaled(factor, p.backward_input());
    Array expected = sums;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (!(rectified[i] > 0)) expected[i] = 0;
    const DeviceArray rectified_on_device(in_bfloat16(rectified));
    const auto gradient = image_of(s.input_elements(), [&](bfloat16* to) {
        wgmma::wgmma_backward_input(s, device.gradient.as<bfloat16>(), factor, device.weight.as(),
                                    rectified_on_device.as<bfloat16>(), nullptr, to);
    });
    check_image(gradient, expected, sums);
    for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE((gradient[i] == 0) == (expected[i] == 0));
}

TEST_CASE("a NaN passes through wgmma and the ReLU to the pixels that see it, and to no other, cuda") {
    REQUIRE_HOPPER();
    const Conv2dShape s{2, 9, 15, 64, 64, 3, 3};
    Problem p{s};
    // All channels of the pixel: what is read behind the channels of another one would show.
    for (std::int64_t channel = 0; channel < s.in_channels; ++channel)
        p.input[static_cast<std::size_t>((4 * s.width + 13) * s.in_channels + channel)] = std::nan("");
    const OnDevice device(p);
    const auto output = image_of(s.output_elements(), [&](bfloat16* to) {
        wgmma::wgmma_forward(s, device.input.as<bfloat16>(), device.weight.as(), device.bias.as(),
                             {.activation = Activation::relu}, to);
    });
    for (std::size_t i = 0; i < output.size(); ++i) {
        const auto pixel = static_cast<std::int64_t>(i) / s.out_channels;
        const std::int64_t x = pixel % s.width, y = pixel / s.width;  // the second image is behind the first
        REQUIRE(std::isnan(output[i]) == (std::abs(y - 4) <= 1 && x >= 12));
    }
}

TEST_CASE("conv2d by wgmma of no images leaves a weight gradient of zeros, cuda") {
    REQUIRE_HOPPER();
    const Conv2dShape s{0, 5, 6, 64, 128, 3, 3};
    const Problem p{s};
    const OnDevice device(p);
    CHECK(image_of(0, [&](bfloat16* to) {
              wgmma::wgmma_forward(s, device.input.as<bfloat16>(), device.weight.as(), device.bias.as(), {},
                                   to);
              wgmma::wgmma_backward_input(s, device.gradient.as<bfloat16>(), 1.0, device.weight.as(), nullptr,
                                          nullptr, to);
          }).empty());
    const auto weight_gradient =
        output_of(s.weight_elements(), std::numeric_limits<float>::quiet_NaN(), [&](float* to) {
            wgmma::wgmma_backward_weight(s, device.input.as<bfloat16>(), device.gradient.as<bfloat16>(), 1.0,
                                         to);
        });
    CHECK(weight_gradient == std::vector<float>(static_cast<std::size_t>(s.weight_elements()), 0.0f));
}

TEST_CASE("wgmma serves channels by the sixty-four, cuda") {
    REQUIRE_HOPPER();
    const auto served = [](std::int64_t in, std::int64_t out) {
        return wgmma::wgmma_supports({.height = 40, .width = 40, .in_channels = in, .out_channels = out});
    };
    CHECK((served(64, 64) && served(64, 320) && served(256, 64)));
    CHECK((!served(1, 64) && !served(64, 1) && !served(96, 64) && !served(64, 8) && !served(0, 64) &&
           !served(64, 0)));
    CHECK(!wgmma::wgmma_supports(
        {.batch = 1 << 16, .height = 1 << 8, .width = 1 << 8, .in_channels = 64, .out_channels = 64}));
    const auto serves_height = [](std::int64_t kernel_height) {
        return wgmma::wgmma_supports({.in_channels = 64, .out_channels = 64, .kernel_height = kernel_height});
    };
    CHECK((serves_height(11) && !serves_height(13)));
}
