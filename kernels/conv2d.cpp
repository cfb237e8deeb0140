#include "kernels/conv2d.hpp"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

#include "kernels/conv2d_im2col.hpp"
#include "kernels/conv2d_onednn.hpp"
#include "kernels/conv2d_pointwise.hpp"
#include "kernels/conv2d_single_channel.hpp"
#include "kernels/conv2d_winograd.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/parallel.hpp"

namespace dnsp::kernels::cpu {
namespace {

/// What the kernels of this folder convolve in float; the rest is left to oneDNN.
struct OwnPasses {
    bool (*serves)(const Conv2dShape&);
    decltype(&detail::winograd_forward) forward;
    decltype(&detail::winograd_backward_input) backward_input;
    decltype(&detail::winograd_backward_weight) backward_weight;
};

const OwnPasses* own_passes(const Conv2dShape& s) {
    using namespace detail;
    static constexpr OwnPasses all[] = {
        {winograd_serves, winograd_forward, winograd_backward_input, winograd_backward_weight},
        {pointwise_serves, pointwise_forward, pointwise_backward_input, pointwise_backward_weight},
        {single_channel_serves, single_channel_forward, single_channel_backward_input,
         single_channel_backward_weight}};
    const auto found = std::ranges::find_if(all, [&](const OwnPasses& own) { return own.serves(s); });
    return found == std::end(all) ? nullptr : found;
}

void plain_forward(const Conv2dShape& s, const float* input, const float* weight, const float* bias,
                   Activation activation, float* output) {
    // oneDNN 2.6 is wrong for some images narrower than the kernel (9×9, 1 → 64 channels, width 7).
    if (s.width < s.kernel_width)
        return detail::im2col_forward<float>(s, input, weight, bias, activation, output);
    detail::onednn_forward(s, input, weight, bias, activation, output);
}
void plain_forward(const Conv2dShape& s, const double* input, const double* weight, const double* bias,
                   Activation activation, double* output) {
    detail::im2col_forward<double>(s, input, weight, bias, activation, output);
}

void plain_backward_input(const Conv2dShape& s, const float* gradient, const float* weight, float* result) {
    detail::onednn_backward_input(s, gradient, weight, result);
}
void plain_backward_input(const Conv2dShape& s, const double* gradient, const double* weight,
                          double* result) {
    detail::im2col_backward_input(s, gradient, weight, result);
}

void plain_backward_weight(const Conv2dShape& s, const float* input, const float* gradient,
                           float* weight_gradient, float* bias_gradient) {
    detail::onednn_backward_weight(s, input, gradient, weight_gradient, bias_gradient);
}
void plain_backward_weight(const Conv2dShape& s, const double* input, const double* gradient,
                           double* weight_gradient, double* bias_gradient) {
    detail::im2col_backward_weight(s, input, gradient, weight_gradient, bias_gradient);
}

}  // namespace

template <class T>
void conv2d_forward(const Conv2dShape& s, const T* input, const T* weight, const T* bias,
                    const Conv2dEpilogue<T>& epilogue, T* output) {
    if constexpr (std::is_same_v<T, float>)
        if (const OwnPasses* own = own_passes(s))
            return own->forward(s, input, weight, bias, epilogue, output);
    const std::int64_t count = s.output_elements();
    if (!epilogue.residual && epilogue.scale == 1.0)
        return plain_forward(s, input, weight, bias, epilogue.activation, output);
    plain_forward(s, input, weight, bias, Activation::none, output);
    if (epilogue.residual)
        add_scaled<T>(count, epilogue.residual, epilogue.scale, output, output);
    else
        scale<T>(count, epilogue.scale, output, output);
    if (epilogue.activation == Activation::relu) relu_forward<T>(count, output, output);
}

template <class T>
void conv2d_backward_input(const Conv2dShape& s, const T* output_gradient, double factor, const T* weight,
                           const T* rectified_input, const T* added, T* input_gradient) {
    if constexpr (std::is_same_v<T, float>)
        if (const OwnPasses* own = own_passes(s))
            return own->backward_input(s, output_gradient, factor, weight, rectified_input, added,
                                       input_gradient);
    const std::int64_t count = s.input_elements();
    if (added) {
        const auto sums = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(count));
        plain_backward_input(s, output_gradient, weight, sums.get());
        add_scaled<T>(count, added, factor, sums.get(), input_gradient);
    } else {
        plain_backward_input(s, output_gradient, weight, input_gradient);
        if (factor != 1.0) scale<T>(count, factor, input_gradient, input_gradient);
    }
    if (rectified_input) relu_backward<T>(count, input_gradient, rectified_input, input_gradient);
}

template <class T>
void conv2d_backward_weight(const Conv2dShape& s, const T* input, const T* output_gradient, double factor,
                            T* weight_gradient, T* bias_gradient) {
    if constexpr (std::is_same_v<T, float>)
        if (const OwnPasses* own = own_passes(s))
            return own->backward_weight(s, input, output_gradient, factor, weight_gradient, bias_gradient);
    std::vector<T> unwanted(bias_gradient ? 0 : static_cast<std::size_t>(s.out_channels));
    T* offsets = bias_gradient ? bias_gradient : unwanted.data();
    plain_backward_weight(s, input, output_gradient, weight_gradient, offsets);
    if (factor == 1.0) return;
    scale<T>(s.weight_elements(), factor, weight_gradient, weight_gradient);
    scale<T>(s.out_channels, factor, offsets, offsets);
}

template <class T>
void conv2d_backward_bias(const Conv2dShape& s, const T* output_gradient, double factor, T* bias_gradient) {
    const std::int64_t channels = s.out_channels, rows = reduction_block / 16;
    const std::int64_t blocks = (s.pixels() + rows - 1) / rows;
    std::vector<double> partial(static_cast<std::size_t>(blocks * channels), 0.0);
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < blocks; ++b) {
        double* sums = partial.data() + b * channels;
        for (std::int64_t p = b * rows; p < std::min(s.pixels(), (b + 1) * rows); ++p)
            for (std::int64_t c = 0; c < channels; ++c) sums[c] += output_gradient[p * channels + c];
    }
    for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0.0;
        for (std::int64_t b = 0; b < blocks; ++b) sum += partial[static_cast<std::size_t>(b * channels + c)];
        bias_gradient[c] = static_cast<T>(factor * sum);
    }
}

#define INSTANTIATE(T)                                                                               \
    template void conv2d_forward<T>(const Conv2dShape&, const T*, const T*, const T*,                \
                                    const Conv2dEpilogue<T>&, T*);                                   \
    template void conv2d_backward_input<T>(const Conv2dShape&, const T*, double, const T*, const T*, \
                                           const T*, T*);                                            \
    template void conv2d_backward_weight<T>(const Conv2dShape&, const T*, const T*, double, T*, T*); \
    template void conv2d_backward_bias<T>(const Conv2dShape&, const T*, double, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cpu
