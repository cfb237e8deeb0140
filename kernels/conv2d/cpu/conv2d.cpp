// Selects the algorithm of a convolution on the CPU.
#include "kernels/conv2d/conv2d.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/conv2d/cpu/direct.hpp"
#include "kernels/conv2d/cpu/few_channels.hpp"
#include "kernels/conv2d/cpu/im2col.hpp"
#include "kernels/conv2d/cpu/pointwise.hpp"
#include "kernels/conv2d/cpu/winograd.hpp"

namespace dnsp::kernels::cpu {
namespace {

template <class T>
struct Algorithm {
    bool (*supports)(const Conv2dShape&);
    decltype(&conv2d_forward<T>) forward;
    decltype(&conv2d_backward_input<T>) backward_input;
    decltype(&conv2d_backward_weight<T>) backward_weight;
};

bool supports_all(const Conv2dShape&) { return true; }

/// The first algorithm that supports the channels and the kernel. The choice does not depend on the image
/// size, so that a tile and the whole image use the same algorithm.
template <class T>
const Algorithm<T>& algorithm_for(const Conv2dShape& s) {
    using namespace detail;
    if constexpr (std::is_same_v<T, float>) {
        static constexpr Algorithm<float> all[] = {
            {winograd_supports, winograd_forward, winograd_backward_input, winograd_backward_weight},
            {pointwise_supports, pointwise_forward, pointwise_backward_input, pointwise_backward_weight},
            {few_channels_supports, few_channels_forward, few_channels_backward_input,
             direct_backward_weight},
            {supports_all, direct_forward, direct_backward_input, direct_backward_weight}};
        return *std::ranges::find_if(all, [&](const auto& algorithm) { return algorithm.supports(s); });
    } else {
        static constexpr Algorithm<double> only{supports_all, im2col_forward, im2col_backward_input,
                                                im2col_backward_weight};
        return only;
    }
}

}  // namespace

template <class T, class Out>
void conv2d_forward(const Conv2dShape& s, const Conv2dForward<T, Out>& pass) {
    algorithm_for<T>(s).forward(s, pass);
}

template <class T, class Out>
void conv2d_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<T, Out>& pass) {
    algorithm_for<T>(s).backward_input(s, pass);
}

template <class T, class Out>
void conv2d_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<T, Out>& pass) {
    algorithm_for<T>(s).backward_weight(s, pass);
}

template <class T>
void conv2d_backward_bias(const Conv2dShape& s, const T* output_gradient, double scale,
                          Conv2dWeight<T>* bias_gradient) {
    const std::int64_t channels = s.out_channels, rows = reduction_block / 16;
    const std::int64_t blocks = divide_up(s.pixels(), rows);
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
        bias_gradient[c] = static_cast<T>(scale * sum);
    }
}

DNSP_INSTANTIATE(conv2d_forward);
DNSP_INSTANTIATE(conv2d_backward_input);
DNSP_INSTANTIATE(conv2d_backward_weight);
DNSP_INSTANTIATE(conv2d_backward_bias);

}  // namespace dnsp::kernels::cpu
