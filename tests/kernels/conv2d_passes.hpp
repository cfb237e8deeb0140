#pragma once

// All passes of a convolution over an image and over parts cut out of it. A pixel must be bitwise identical
// in both.
#include <cstring>
#include <type_traits>

#include "tests/kernels/conv2d_cases.hpp"

namespace dnsp::testing {

/// Images [batch, height, width, channels].
template <class T>
struct Images {
    std::int64_t batch, height, width, channels;
    std::vector<T> values;

    static Images random(const Conv2dShape& s, std::int64_t channels, std::uint64_t seed) {
        Images images{s.batch, s.height, s.width, channels, {}};
        for (const double value : reference::uniform(s.pixels() * channels, seed))
            images.values.push_back(static_cast<T>(static_cast<float>(value)));
        return images;
    }
    Images relu() const {
        Images images = *this;
        for (T& value : images.values)
            if (!(static_cast<double>(static_cast<float>(value)) > 0)) value = static_cast<T>(0.0f);
        return images;
    }
    /// The channels of a pixel.
    const T* pixel(std::int64_t n, std::int64_t y, std::int64_t x) const {
        return values.data() + ((n * height + y) * width + x) * channels;
    }
};

/// A rectangle of one image of a batch.
struct Part {
    std::int64_t image, top, left, height, width;

    std::string text() const {
        return std::to_string(height) + "×" + std::to_string(width) + " at (" + std::to_string(top) + ", " +
               std::to_string(left) + ") of image " + std::to_string(image);
    }
    template <class T>
    Images<T> cut(const Images<T>& whole) const {
        Images<T> part{1, height, width, whole.channels, {}};
        for (std::int64_t y = 0; y < height; ++y) {
            const T* const line = whole.pixel(image, top + y, left);
            part.values.insert(part.values.end(), line, line + width * whole.channels);
        }
        return part;
    }
};

/// The inputs of all passes over images.
template <class T>
struct Problem {
    using Weight = kernels::Conv2dWeight<T>;
    Conv2dShape shape;
    Images<T> input, residual, output_gradient, relu_output, accumulated;
    std::vector<Weight> weight, bias;

    static Problem random(const Conv2dShape& s) {
        const auto input = [&](std::uint64_t seed) { return Images<T>::random(s, s.in_channels, seed); };
        const auto output = [&](std::uint64_t seed) { return Images<T>::random(s, s.out_channels, seed); };
        const auto numbers = [](std::int64_t count, std::uint64_t seed) {
            const std::vector<T> values = Images<T>::random({1, 1, count, 1, 1, 1, 1}, 1, seed).values;
            std::vector<Weight> result;
            for (const T value : values) result.push_back(static_cast<Weight>(value));
            return result;
        };
        return {s,
                input(1),
                output(2),
                output(3),
                input(4).relu(),
                input(5),
                numbers(s.weight_elements(), 6),
                numbers(s.out_channels, 7)};
    }
    Problem cut(const Part& part) const {
        Conv2dShape s = shape;
        s.batch = 1;
        s.height = part.height;
        s.width = part.width;
        return {s,
                part.cut(input),
                part.cut(residual),
                part.cut(output_gradient),
                part.cut(relu_output),
                part.cut(accumulated),
                weight,
                bias};
    }
};

/// The output of a pass.
template <class T>
struct Result {
    std::string pass;
    Images<T> images;
};

/// A kernel for images of type T. Tests in bfloat16 are not registered as tests in float and double.
#define DNSP_PASS(where, name)                                                   \
    [&] {                                                                        \
        if constexpr (std::is_same_v<T, bfloat16>)                               \
            return DNSP_STORED(where, name<T, T>);                               \
        else                                                                     \
            return choose<#name, T>(where, DNSP_KERNELS_OF_DEVICES(name<T, T>)); \
    }()

/// Forward: plain, scaled, and with the full epilogue. Backward to the input: plain, added to a gradient, and
/// masked by a ReLU.
template <class T>
std::vector<Result<T>> all_passes(On where, const Problem<T>& p) {
    const Conv2dShape& s = p.shape;
    Buffer<T> input(where, p.input.values), residual(where, p.residual.values),
        gradient(where, p.output_gradient.values), relu_output(where, p.relu_output.values),
        accumulated(where, p.accumulated.values);
    Buffer<typename Problem<T>::Weight> weight(where, p.weight), bias(where, p.bias);

    std::vector<Result<T>> results;
    const auto run = [&](const std::string& pass, std::int64_t channels, const auto& call) {
        Buffer<T> output(where, s.pixels() * channels);
        call(output.data());
        results.push_back({pass, {s.batch, s.height, s.width, channels, output.values()}});
    };
    const auto forward = [&](const std::string& pass, const kernels::Conv2dEpilogue<T>& epilogue) {
        run(pass, s.out_channels, [&](T* output) {
            DNSP_PASS(where, conv2d_forward)
            (s, {.input = input.data(),
                 .weight = weight.data(),
                 .bias = bias.data(),
                 .epilogue = epilogue,
                 .output = output});
        });
    };
    const auto backward = [&](const std::string& pass, double scale, const T* mask, const T* accumulate) {
        run(pass, s.in_channels, [&](T* output) {
            DNSP_PASS(where, conv2d_backward_input)
            (s, {.output_gradient = gradient.data(),
                 .scale = scale,
                 .weight = weight.data(),
                 .relu_output = mask,
                 .accumulate = accumulate,
                 .input_gradient = output});
        });
    };
    forward("forward", {});
    forward("forward, scaled", {kernels::Activation::none, 0.3, nullptr});
    forward("forward with scale, residual and ReLU", {kernels::Activation::relu, 0.3, residual.data()});
    backward("backward to the input", 1.0, nullptr, nullptr);
    backward("backward to the input, scaled and added", 0.3, nullptr, accumulated.data());
    backward("backward to the input, scaled and masked", 0.3, relu_output.data(), nullptr);
    return results;
}

/// Parts of two images of 13 × 23 pixels, small because the emulator is slow.
inline const std::vector<Part> parts_on_cuda{
    {1, 0, 0, 13, 23}, {0, 1, 2, 11, 17}, {1, 2, 5, 10, 18}, {1, 3, 3, 9, 19}};

/// Kernels may compute aligned tiles of `alignment` × `alignment` pixels. A pixel is guaranteed to be bitwise
/// identical if the part contains all pixels of the whole image that its tile reads.
inline bool is_promised(const Part& part, const Conv2dShape& whole, int alignment, std::int64_t y,
                        std::int64_t x) {
    const auto along = [&](std::int64_t at, std::int64_t first_of_part, std::int64_t size,
                           std::int64_t whole_size, std::int64_t kernel) {
        const std::int64_t first = at / alignment * alignment, end = first + alignment;
        return (first >= kernel / 2 || first_of_part == 0) &&
               (end + kernel / 2 <= size || first_of_part + size == whole_size);
    };
    return along(y, part.top, part.height, whole.height, whole.kernel_height) &&
           along(x, part.left, part.width, whole.width, whole.kernel_width);
}

enum class Passes { all, forward };

template <class T>
void check_parts(On where, const Problem<T>& problem, int alignment, const std::vector<Part>& parts,
                 Passes passes = Passes::all) {
    const Conv2dShape& shape = problem.shape;
    INFO(shape.in_channels << " → " << shape.out_channels << " channels, " << shape.kernel_height << "×"
                           << shape.kernel_width);
    const auto whole = all_passes(where, problem);
    for (const Part& part : parts) {
        if (part.top % alignment != 0 || part.left % alignment != 0) continue;
        INFO(part.text());
        const auto of_part = all_passes(where, problem.cut(part));
        for (std::size_t pass = 0; pass < whole.size(); ++pass) {
            if (passes == Passes::forward && !whole[pass].pass.starts_with("forward")) continue;
            std::int64_t compared = 0, differ = 0;
            const auto &a = of_part[pass].images, &b = whole[pass].images;
            for (std::int64_t y = 0; y < part.height; ++y)
                for (std::int64_t x = 0; x < part.width; ++x) {
                    if (!is_promised(part, shape, alignment, y, x)) continue;
                    ++compared;
                    differ += std::memcmp(a.pixel(0, y, x), b.pixel(part.image, part.top + y, part.left + x),
                                          static_cast<std::size_t>(a.channels) * sizeof(T)) != 0;
                }
            INFO(whole[pass].pass);
            CHECK(compared > 0);
            CHECK(differ == 0);
        }
    }
}

/// The channels and kernel of a convolution.
struct Layer {
    std::int64_t in, out, kernel_height, kernel_width;
    Conv2dShape over(std::int64_t batch, std::int64_t height, std::int64_t width) const {
        return {batch, height, width, in, out, kernel_height, kernel_width};
    }
};

template <class T>
void check_layers_on_cuda(const std::vector<Layer>& layers, Conv2dPrecision precision) {
    const WithOptions options({Conv2dBackend::native, precision});
    for (const Layer& layer : layers)
        check_parts(On::cuda, Problem<T>::random(layer.over(2, 13, 23)), kernels::cuda::conv2d_alignment,
                    parts_on_cuda);
}

}  // namespace dnsp::testing
