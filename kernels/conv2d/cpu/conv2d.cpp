// Which kernels a convolution on the CPU is for.
#include "kernels/conv2d/conv2d.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/parallel.hpp"
#include "kernels/conv2d/cpu/direct.hpp"
#include "kernels/conv2d/cpu/im2col.hpp"
#include "kernels/conv2d/cpu/pointwise.hpp"
#include "kernels/conv2d/cpu/single_channel.hpp"
#include "kernels/conv2d/cpu/winograd.hpp"

namespace dnsp::kernels::cpu {
namespace {

/// The passes of conv2d.hpp by one algorithm.
template <class T>
struct Algorithm {
    bool (*serves)(const Conv2dShape&);
    decltype(&conv2d_forward<T>) forward;
    decltype(&conv2d_backward_input<T>) backward_input;
    decltype(&conv2d_backward_weight<T>) backward_weight;
};

bool serves_all(const Conv2dShape&) { return true; }

/// The first algorithm that supports the channels and the kernel. The choice does not depend on the size of
/// the image, so that a tile and the whole image are convolved by the same algorithm.
template <class T>
const Algorithm<T>& algorithm_for(const Conv2dShape& s) {
    using namespace detail;
    if constexpr (std::is_same_v<T, float>) {
        static constexpr Algorithm<float> all[] = {
            {winograd_serves, winograd_forward, winograd_backward_input, winograd_backward_weight},
            {pointwise_serves, pointwise_forward, pointwise_backward_input, pointwise_backward_weight},
            {single_channel_serves, single_channel_forward, single_channel_backward_input,
             direct_backward_weight},
            {serves_all, direct_forward, direct_backward_input, direct_backward_weight}};
        return *std::ranges::find_if(all, [&](const auto& algorithm) { return algorithm.serves(s); });
    } else {
        static constexpr Algorithm<double> only{serves_all, im2col_forward, im2col_backward_input,
                                                im2col_backward_weight};
        return only;
    }
}

}  // namespace

template <class T>
void conv2d_forward(const Conv2dShape& s, const T* input, const T* weight, const T* bias,
                    const Conv2dEpilogue<T>& epilogue, T* output) {
    algorithm_for<T>(s).forward(s, input, weight, bias, epilogue, output);
}

template <class T>
void conv2d_backward_input(const Conv2dShape& s, const T* output_gradient, double factor, const T* weight,
                           const T* rectified_input, const T* added, T* input_gradient) {
    algorithm_for<T>(s).backward_input(s, output_gradient, factor, weight, rectified_input, added,
                                       input_gradient);
}

template <class T>
void conv2d_backward_weight(const Conv2dShape& s, const T* input, const T* output_gradient, double factor,
                            T* weight_gradient, T* bias_gradient) {
    algorithm_for<T>(s).backward_weight(s, input, output_gradient, factor, weight_gradient, bias_gradient);
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
