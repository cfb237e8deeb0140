#pragma once

// Shared by the tests of convolutions: shapes, operands with references, and runs of a pass.
#include <string>
#include <vector>

#include "base/error.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "tests/kernels/table.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/conv2d.hpp"

namespace dnsp::testing {

using kernels::Activation, kernels::bfloat16, kernels::Conv2dBackend, kernels::Conv2dOptions,
    kernels::Conv2dPrecision, kernels::Conv2dShape;

// ---- Shapes: batch, height, width, in, out, kernel height, kernel width

struct Conv2dCase {
    const char* name;
    Conv2dShape shape;
};

inline const std::vector<Conv2dCase> conv2d_cases{
    {"one pixel, one channel, 1×1", {1, 1, 1, 1, 1, 1, 1}},
    {"one pixel, 3×3", {1, 1, 1, 2, 3, 3, 3}},
    {"image smaller than the kernel", {2, 3, 2, 1, 4, 9, 9}},
    {"one row", {1, 1, 17, 3, 2, 3, 3}},
    {"one column", {3, 13, 1, 1, 5, 5, 5}},
    {"kernel 3×5, odd sizes", {3, 7, 11, 5, 7, 3, 5}},
    {"kernel 5×1", {1, 9, 6, 2, 1, 5, 1}},
    {"kernel 1×1 between 3 images", {3, 5, 4, 17, 9, 1, 1}},
    {"width 16", {1, 12, 10, 16, 16, 3, 3}},
    {"width 33, not a multiple of a vector", {1, 8, 9, 33, 31, 3, 3}},
    {"SRCNN extraction of an image narrower than the kernel", {2, 9, 7, 1, 64, 9, 9}},
    {"SRCNN reconstruction of an image narrower than the kernel", {2, 9, 4, 32, 1, 5, 5}},
    {"several tiles and splits in every direction", {2, 9, 15, 10, 70, 3, 3}},
    {"several tiles and splits, channels exchanged", {1, 7, 10, 67, 5, 3, 1}},
    {"the second pixel after a pixel lies two rows down", {4, 11, 1, 9, 6, 3, 3}},
    {"the second pixel after a pixel lies one row down", {3, 9, 2, 5, 9, 1, 3}},
    {"1 → 72 channels, several tiles in every direction", {3, 9, 37, 1, 72, 5, 7}},
    {"72 → 1 channels, several tiles in every direction", {3, 17, 35, 72, 1, 7, 5}},
    {"1 → 8 channels, 11×1", {1, 10, 18, 1, 8, 11, 1}},
    {"8 → 1 channels, 1×11", {2, 5, 34, 8, 1, 1, 11}},
    {"1 → 12 channels, 1×3, image of one row", {2, 1, 33, 1, 12, 1, 3}},
    {"12 → 1 channels, 11×9", {1, 13, 12, 12, 1, 11, 9}},
    {"more taps than single-channel kernels support", {1, 9, 8, 1, 4, 13, 1}},
    {"more taps than single-channel kernels support, channels exchanged", {1, 5, 17, 4, 1, 1, 13}},
    {"channels for several blocks of the bias", {2, 3, 1, 1, 1028, 1, 1}},
    {"channels for several blocks of the bias, one per thread", {1, 2, 3, 2, 259, 1, 1}},
    {"the last block full", {1, 3, 11, 2, 512, 1, 1}},
    {"many input channels", {1, 4, 5, 260, 2, 1, 1}},
    {"full tiles", {1, 8, 16, 3, 128, 1, 1}},
    {"images of one pixel", {9, 1, 1, 3, 2, 1, 1}},
};

/// Too large for the CUDA emulator.
inline const std::vector<Conv2dCase> larger_conv2d_cases{
    {"SRCNN extraction", {2, 21, 19, 1, 64, 9, 9}},
    {"9×11 from 3 channels, an image wider than 32 tiles", {2, 6, 131, 3, 32, 9, 11}},
    {"SRCNN mapping", {2, 21, 19, 64, 32, 1, 1}},
    {"SRCNN reconstruction", {2, 21, 19, 32, 1, 5, 5}},
    {"SRCNN reconstruction, tiles between the edges", {2, 27, 45, 32, 1, 5, 5}},
    {"EDSR head", {1, 20, 23, 1, 64, 3, 3}},
    {"EDSR block", {1, 13, 15, 64, 64, 3, 3}},
    {"EDSR tail", {1, 20, 23, 64, 1, 3, 3}},
    {"EDSR head at half the resolution", {1, 20, 23, 4, 64, 3, 3}},
    {"EDSR tail at half the resolution", {2, 20, 23, 64, 4, 3, 3}},
    {"EDSR tail at a third of the resolution", {1, 20, 23, 64, 9, 3, 3}},
    {"a whole patch of the paper", {3, 40, 40, 8, 4, 3, 3}},
    {"unlike channel counts in sixteens", {2, 37, 30, 32, 48, 3, 3}},
    {"EDSR block of 256 channels", {1, 9, 10, 256, 256, 3, 3}},
    {"one pixel between many channels", {1, 1, 1, 32, 16, 3, 3}},
};

/// One shape per native CUDA kernel in T, with and without rows of channels that fill vectors.
inline const std::vector<Conv2dShape> every_cuda_path{
    {1, 5, 14, 3, 6, 3, 3}, {1, 5, 14, 4, 8, 3, 3}, {1, 5, 14, 1, 8, 3, 3}, {1, 5, 14, 8, 1, 3, 3}};
/// On the CPU: Winograd, pointwise, few channels with one and two register tiles of taps per row, direct.
/// Each with several chunks and strips, the last ones partial.
inline const std::vector<Conv2dShape> every_cpu_path{
    {1, 17, 34, 16, 48, 3, 3}, {1, 13, 14, 32, 16, 1, 1}, {2, 13, 14, 1, 48, 3, 5}, {2, 13, 14, 32, 1, 5, 3},
    {1, 13, 14, 1, 16, 9, 9},  {1, 13, 14, 16, 1, 1, 11}, {1, 13, 14, 21, 1, 3, 3}, {1, 5, 14, 3, 6, 3, 3},
    {2, 13, 14, 20, 37, 3, 5}, {2, 13, 14, 32, 4, 3, 3},  {1, 13, 14, 21, 3, 3, 1}, {1, 13, 14, 4, 16, 3, 3}};
inline const std::vector<Conv2dShape>& every_path_of(On where) {
    return where == On::cpu ? every_cpu_path : every_cuda_path;
}

/// Shapes for tensor cores by mma.sync.
inline const std::vector<Conv2dShape> mma_cases{
    {1, 1, 1, 8, 8, 1, 1},       // almost only padding
    {1, 1, 1, 24, 72, 3, 3},     // only the middle tap lies inside the image
    {2, 1, 9, 8, 8, 3, 3},       // an image of one row
    {9, 3, 1, 40, 8, 5, 3},      // one column, fewer than four pixels high
    {5, 2, 3, 8, 24, 3, 3},      // narrower than the fourth pixel
    {3, 5, 7, 24, 40, 3, 3},     // half a slab of channels
    {1, 13, 11, 8, 136, 5, 3},   // several blocks of pixels, and of 64 output channels
    {1, 11, 13, 136, 8, 1, 3},   // channels exchanged
    {3, 13, 11, 72, 24, 1, 1},   // several splits of the pixels
    {2, 12, 12, 40, 200, 1, 1},  // several blocks of 128 output channels
    {1, 5, 7, 200, 72, 3, 1},    // channels exchanged
};

/// Shapes for wgmma.
inline const std::vector<Conv2dShape> wgmma_cases{
    {1, 1, 1, 64, 64, 1, 1},     // one pixel
    {1, 1, 1, 64, 64, 5, 3},     // almost only padding
    {1, 7, 5, 64, 64, 3, 3},     // less than a box
    {3, 5, 7, 64, 128, 3, 3},    // several images; two warpgroups
    {1, 13, 41, 64, 64, 3, 3},   // several boxes, the last ones of a single column
    {1, 41, 13, 128, 64, 1, 3},  // several slabs of input channels
    {2, 10, 40, 64, 64, 3, 1},   // boxes that fill the images
    {1, 9, 11, 64, 128, 5, 5},   // a kernel higher than 3
    {1, 9, 9, 64, 64, 11, 1},    // the highest supported kernel
    {3, 6, 20, 128, 192, 1, 1},  // three blocks of output channels
    {3, 3, 7, 256, 256, 3, 3},   // two tiles of a warpgroup
};

inline const std::vector<Conv2dShape> cublas_cases{{2, 7, 9, 5, 6, 3, 5},
                                                   {1, 1, 1, 1, 1, 1, 1},
                                                   {3, 6, 5, 1, 8, 5, 5},
                                                   {2, 4, 4, 9, 1, 3, 3},
                                                   {1, 9, 40, 8, 12, 1, 1}};
inline const std::vector<Conv2dShape> cudnn_cases{
    {1, 1, 1, 1, 1, 1, 1},     {3, 7, 11, 5, 7, 3, 5},   {2, 9, 7, 17, 9, 1, 1},    {2, 21, 19, 1, 64, 9, 9},
    {2, 21, 19, 64, 32, 1, 1}, {2, 21, 19, 32, 1, 5, 5}, {2, 13, 15, 64, 64, 3, 3}, {1, 20, 23, 64, 1, 3, 3}};

inline std::string text(const Conv2dShape& s) {
    const auto number = [](std::int64_t n) { return std::to_string(n); };
    return number(s.batch) + " images of " + number(s.height) + "×" + number(s.width) + ", " +
           number(s.in_channels) + " → " + number(s.out_channels) + " channels, " + number(s.kernel_height) +
           "×" + number(s.kernel_width);
}

// ---- Settings

template <class T>
inline constexpr double float_bound = 1e-12;
template <>
inline constexpr double float_bound<float> = 1e-5;

/// Sets the CUDA device's convolution options in a scope. No effect if the CPU is under test.
class WithOptions {
  public:
    explicit WithOptions(const Conv2dOptions& options) : before_(kernels::cuda::conv2d_options()) {
        set(options);
    }
    ~WithOptions() { set(before_); }
    WithOptions(const WithOptions&) = delete;
    WithOptions& operator=(const WithOptions&) = delete;

  private:
    static void set(const Conv2dOptions& options) {
        if (device_under_test() == On::cuda) kernels::cuda::set_conv2d_options(options);
    }
    Conv2dOptions before_;
};
/// Skips the case if the library is not installed.
#define DNSP_REQUIRE_BACKEND(wanted)                                      \
    try {                                                                 \
        ::dnsp::testing::WithOptions({wanted, Conv2dPrecision::float32}); \
    } catch (const ::dnsp::Error& error) {                                \
        DNSP_SKIP(error.what());                                          \
    }

/// Native kernels in T.
inline constexpr Conv2dOptions exact{Conv2dBackend::native, Conv2dPrecision::float32};

// ---- Operands

using Array = std::vector<double>;

inline Array scaled(double factor, Array values) {
    for (double& value : values) value *= factor;
    return values;
}

/// Values rounded to float and then stored as T.
template <class T>
std::vector<T> stored(const Array& values) {
    std::vector<T> result;
    for (const double value : values) result.push_back(static_cast<T>(static_cast<float>(value)));
    return result;
}
template <class T>
Array widened(const std::vector<T>& values) {
    Array wide;
    for (const T value : values) wide.push_back(static_cast<double>(static_cast<float>(value)));
    return wide;
}

template <class T>
std::vector<T> random(std::int64_t count, std::uint64_t seed) {
    return reference::cast<T>(reference::uniform(count, seed));
}

/// Random operands of a shape, exact in float32, and references of the passes.
struct Operands {
    Conv2dShape shape;
    Array input = in_float32(shape.input_elements(), 1), weight = in_float32(shape.weight_elements(), 2),
          bias = in_float32(shape.out_channels, 3), gradient = in_float32(shape.output_elements(), 4);

    static Array in_float32(std::int64_t count, std::uint64_t seed) {
        return reference::widen(random<float>(count, seed));
    }
    using Rounding = double (*)(double);
    Operands with_images(Rounding round) const {
        Operands out = *this;
        for (Array* values : {&out.input, &out.gradient})
            for (double& value : *values) value = round(value);
        return out;
    }
    Operands with_weight(Rounding round) const {
        Operands out = *this;
        for (double& value : out.weight) value = round(value);
        return out;
    }
    Array forward() const { return reference::conv2d_forward(shape, input, weight, bias); }
    Array backward_input() const { return reference::conv2d_backward_input(shape, gradient, weight); }
    Array backward_weight() const { return reference::conv2d_backward_weight(shape, input, gradient); }
};

/// Operands in the memory of the CUDA device, images stored as T. Without fences after them, so that
/// AddressSanitizer and compute-sanitizer find reads out of bounds.
template <class T>
struct OnCuda {
    explicit OnCuda(const Operands& o)
        : input(On::cuda, stored<T>(o.input)),
          gradient(On::cuda, stored<T>(o.gradient)),
          weight(On::cuda, stored<float>(o.weight)),
          bias(On::cuda, stored<float>(o.bias)) {}
    Table<T> input, gradient;
    Table<float> weight, bias;
};

/// The `count` elements that `run` writes. On the CUDA device they must be bitwise identical in all thread
/// orders, or in two runs if there is only one order.
template <class T, class Run>
std::vector<T> output_of(On where, std::int64_t count, Run&& run) {
    std::vector<T> first;
    const auto once = [&] {
        Buffer<T> output(where, count);
        run(output.data());
        CHECK(output.fences_intact());
        if (first.empty()) first = output.values();
        CHECK(reference::same_bits(first, output.values()));
    };
    if (where == On::cpu || simt::thread_orders() == 1) once();
    if (where == On::cuda) for_each_thread_order(once);
    return first;
}

}  // namespace dnsp::testing
