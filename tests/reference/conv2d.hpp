#pragma once

// The convolution of kernels/conv2d/conv2d.hpp as plain loops in double precision.
#include <vector>

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::reference {

using kernels::Conv2dShape;

/// Calls visit(output element, weight element, input element) for every product of the convolution.
template <class Visit>
void conv2d_products(const Conv2dShape& s, Visit&& visit) {
    for (std::int64_t n = 0; n < s.batch; ++n)
        for (std::int64_t y = 0; y < s.height; ++y)
            for (std::int64_t x = 0; x < s.width; ++x)
                for (std::int64_t o = 0; o < s.out_channels; ++o)
                    for (std::int64_t i = 0; i < s.kernel_height; ++i)
                        for (std::int64_t j = 0; j < s.kernel_width; ++j) {
                            const std::int64_t row = y + i - s.kernel_height / 2,
                                               col = x + j - s.kernel_width / 2;
                            if (row < 0 || col < 0 || row >= s.height || col >= s.width) continue;
                            for (std::int64_t c = 0; c < s.in_channels; ++c)
                                visit(
                                    static_cast<std::size_t>(
                                        ((n * s.height + y) * s.width + x) * s.out_channels + o),
                                    static_cast<std::size_t>(
                                        ((o * s.kernel_height + i) * s.kernel_width + j) * s.in_channels + c),
                                    static_cast<std::size_t>(
                                        ((n * s.height + row) * s.width + col) * s.in_channels + c));
                        }
}

inline std::vector<double> conv2d_forward(const Conv2dShape& s, const std::vector<double>& input,
                                          const std::vector<double>& weight,
                                          const std::vector<double>& bias) {
    std::vector<double> output(static_cast<std::size_t>(s.output_elements()));
    for (std::size_t i = 0; i < output.size(); ++i) output[i] = bias[i % bias.size()];
    conv2d_products(s, [&](auto out, auto w, auto in) { output[out] += weight[w] * input[in]; });
    return output;
}

inline std::vector<double> conv2d_backward_input(const Conv2dShape& s,
                                                 const std::vector<double>& output_gradient,
                                                 const std::vector<double>& weight) {
    std::vector<double> gradient(static_cast<std::size_t>(s.input_elements()), 0.0);
    conv2d_products(s, [&](auto out, auto w, auto in) { gradient[in] += weight[w] * output_gradient[out]; });
    return gradient;
}

inline std::vector<double> conv2d_backward_weight(const Conv2dShape& s, const std::vector<double>& input,
                                                  const std::vector<double>& output_gradient) {
    std::vector<double> gradient(static_cast<std::size_t>(s.weight_elements()), 0.0);
    conv2d_products(s, [&](auto out, auto w, auto in) { gradient[w] += input[in] * output_gradient[out]; });
    return gradient;
}

inline std::vector<double> conv2d_backward_bias(const Conv2dShape& s,
                                                const std::vector<double>& output_gradient) {
    std::vector<double> gradient(static_cast<std::size_t>(s.out_channels), 0.0);
    for (std::size_t i = 0; i < output_gradient.size(); ++i)
        gradient[i % gradient.size()] += output_gradient[i];
    return gradient;
}

inline std::vector<double> relu(std::vector<double> values) {
    for (double& value : values) value = value > 0 ? value : 0;
    return values;
}

}  // namespace dnsp::reference
