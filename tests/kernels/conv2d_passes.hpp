#pragma once

// All passes of a convolution over an image, and over a part that is cut out of it.
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/conv2d/conv2d.hpp"
#include "kernels/conv2d/mixed.hpp"
#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

namespace dnsp::testing {

using kernels::bfloat16, kernels::Conv2dShape;

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
    Images rectified() const {
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

/// Everything that the passes over images read. T = bfloat16 is the mixed convolution of images that are
/// stored so.
template <class T>
struct Problem {
    using Weight = std::conditional_t<std::is_same_v<T, bfloat16>, float, T>;
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
                input(4).rectified(),
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

/// What a pass wrote.
template <class T>
struct Result {
    std::string pass;
    Images<T> images;
};

/// Forward: plain, scaled, and with every part of the epilogue. Backward to the input: plain, added to a
/// gradient, and masked by a ReLU.
template <class T>
std::vector<Result<T>> all_passes(On where, const Problem<T>& p) {
    constexpr bool is_stored = std::is_same_v<T, bfloat16>;
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
            if constexpr (is_stored)
                kernels::cuda::conv2d_mixed_forward<T, T>(s, input.data(), weight.data(), bias.data(),
                                                          epilogue, output);
            else if (where == On::cpu)
                kernels::cpu::conv2d_forward<T>(s, input.data(), weight.data(), bias.data(), epilogue,
                                                output);
            else
                kernels::cuda::conv2d_forward<T>(s, input.data(), weight.data(), bias.data(), epilogue,
                                                 output);
        });
    };
    const auto backward = [&](const std::string& pass, double scale, const T* mask, const T* added) {
        run(pass, s.in_channels, [&](T* output) {
            if constexpr (is_stored)
                kernels::cuda::conv2d_mixed_backward_input<T, T>(s, gradient.data(), scale, weight.data(),
                                                                 mask, added, output);
            else if (where == On::cpu)
                kernels::cpu::conv2d_backward_input<T>(s, gradient.data(), scale, weight.data(), mask, added,
                                                       output);
            else
                kernels::cuda::conv2d_backward_input<T>(s, gradient.data(), scale, weight.data(), mask, added,
                                                        output);
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

}  // namespace dnsp::testing
