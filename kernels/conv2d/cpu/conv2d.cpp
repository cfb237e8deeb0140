// Selects the algorithm of a convolution on the CPU.
#include "kernels/conv2d/conv2d.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "kernels/conv2d/cpu/bfloat16/backward_weight.hpp"
#include "kernels/conv2d/cpu/bfloat16/direct.hpp"
#include "kernels/conv2d/cpu/bfloat16/expand.hpp"
#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/conv2d/cpu/direct.hpp"
#include "kernels/conv2d/cpu/few_channels.hpp"
#include "kernels/conv2d/cpu/im2col.hpp"
#include "kernels/conv2d/cpu/microkernel.hpp"
#include "kernels/conv2d/cpu/pointwise.hpp"
#include "kernels/conv2d/cpu/winograd.hpp"
#include "kernels/conv2d/cpu/winograd_expand.hpp"

namespace dnsp::kernels::cpu {
namespace {

template <class In, class Out>
struct Algorithm {
    bool (*supports)(const Conv2dShape&);
    decltype(&conv2d_forward<In, Out>) forward;
    decltype(&conv2d_backward_input<In, Out>) backward_input;
    decltype(&conv2d_backward_weight<In, Out>) backward_weight;
};

bool supports_all(const Conv2dShape&) { return true; }

/// The first algorithm that supports the channels and the kernel. The choice does not depend on the image
/// size, so that a tile and the whole image use the same algorithm.
template <class In, class Out>
const Algorithm<In, Out>& algorithm_for(const Conv2dShape& s) {
    using namespace detail;
    if constexpr (!std::is_same_v<In, double>) {
        static constexpr Algorithm<In, Out> all[] = {
            {winograd_supports, winograd_forward<In, Out>, winograd_backward_input<In, Out>,
             winograd_backward_weight<In, Out>},
            {pointwise_supports, pointwise_forward<In, Out>, pointwise_backward_input<In, Out>,
             pointwise_backward_weight<In, Out>},
            {few_channels_supports, few_channels_forward<In, Out>, few_channels_backward_input<In, Out>,
             direct_backward_weight<In, Out>},
            {supports_all, direct_forward<In, Out>, direct_backward_input<In, Out>,
             direct_backward_weight<In, Out>}};
        return *std::ranges::find_if(all, [&](const auto& algorithm) { return algorithm.supports(s); });
    } else {
        static constexpr Algorithm<double, double> only{supports_all, im2col_forward, im2col_backward_input,
                                                        im2col_backward_weight};
        return only;
    }
}

Conv2dPrecision precision = Conv2dPrecision::float32;

/// The algorithm that multiplies in bfloat16, if bfloat16 is selected and the channels allow it.
enum class Bfloat16Algorithm { none, winograd, direct, expand };
/// Of a forward pass, or of a backward pass to the input.
Bfloat16Algorithm bfloat16_algorithm_for(const Conv2dShape& s, bool backward = false) {
    if (precision != Conv2dPrecision::bfloat16) return Bfloat16Algorithm::none;
    if (!detail::bfloat16_unit()->direct && detail::winograd_supports(s)) return Bfloat16Algorithm::winograd;
    if (detail::bfloat16_direct_supports(s)) return Bfloat16Algorithm::direct;
    return detail::bfloat16_expand_supports(detail::Taps(s, backward)) ? Bfloat16Algorithm::expand
                                                                       : Bfloat16Algorithm::none;
}

}  // namespace

bool conv2d_has_bfloat16() { return detail::bfloat16_unit() != nullptr; }

Conv2dPrecision conv2d_precision() { return precision; }

void set_conv2d_precision(Conv2dPrecision wanted) {
    require(wanted != Conv2dPrecision::tf32, "[conv2d] the CPU has no products in TF32");
    require(wanted != Conv2dPrecision::bfloat16 || conv2d_has_bfloat16(),
            "[conv2d] this processor has no fast products in bfloat16 (AMX, or AVX512_BF16 of AMD)");
    precision = wanted;
}

bool conv2d_stores_bfloat16(std::int64_t in_channels, std::int64_t out_channels) {
    const auto algorithm = bfloat16_algorithm_for({1, 1, 1, in_channels, out_channels, 3, 3});
    return algorithm == Bfloat16Algorithm::winograd || algorithm == Bfloat16Algorithm::direct;
}

template <class In, class Out>
void conv2d_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    if constexpr (!std::is_same_v<In, double>) {
        const auto algorithm = bfloat16_algorithm_for(s);
        if (algorithm == Bfloat16Algorithm::winograd) return detail::bfloat16_winograd_forward(s, pass);
        if (algorithm == Bfloat16Algorithm::direct) return detail::bfloat16_direct_forward(s, pass);
        if (algorithm == Bfloat16Algorithm::expand) return detail::bfloat16_expand_forward(s, pass);
    }
    algorithm_for<In, Out>(s).forward(s, pass);
}

template <class In, class Out>
void conv2d_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    if constexpr (!std::is_same_v<In, double>) {
        const auto algorithm = bfloat16_algorithm_for(s, true);
        if (algorithm == Bfloat16Algorithm::winograd)
            return detail::bfloat16_winograd_backward_input(s, pass);
        if (algorithm == Bfloat16Algorithm::direct) return detail::bfloat16_direct_backward_input(s, pass);
        if (algorithm == Bfloat16Algorithm::expand) return detail::bfloat16_expand_backward_input(s, pass);
    }
    algorithm_for<In, Out>(s).backward_input(s, pass);
}

template <class In, class Out>
void conv2d_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<In, Out>& pass) {
    // Units that are not direct would take longer than Winograd's algorithm in float32.
    if constexpr (!std::is_same_v<In, double>)
        if (bfloat16_algorithm_for(s) == Bfloat16Algorithm::direct && detail::bfloat16_unit()->direct)
            return detail::bfloat16_backward_weight(s, pass);
    algorithm_for<In, Out>(s).backward_weight(s, pass);
}

namespace {

/// Computes both convolutions in one pass; null if there is no such algorithm.
decltype(&conv2d_chain_forward) chain_for(const Conv2dShape& first, const Conv2dShape& second) {
    if (second.kernel_height != 1 || second.kernel_width != 1) return nullptr;
    const auto of_first = bfloat16_algorithm_for(first), of_second = bfloat16_algorithm_for(second);
    const bool second_is_bfloat16 = of_second == Bfloat16Algorithm::direct;
    if (of_first == Bfloat16Algorithm::expand && second_is_bfloat16)
        return detail::bfloat16_expand_pointwise_forward;
    if (of_first != Bfloat16Algorithm::none ||
        !detail::winograd_expand_supports(first, detail::Taps(first, false)))
        return nullptr;
    if (second_is_bfloat16) return detail::winograd_expand_bfloat16_pointwise_forward;
    return detail::pointwise_supports(second) ? detail::winograd_expand_pointwise_forward : nullptr;
}

}  // namespace

bool conv2d_chain_supports(const Conv2dShape& first, const Conv2dShape& second) {
    return chain_for(first, second) != nullptr;
}

void conv2d_chain_forward(const Conv2dShape& first_shape, const Conv2dForward<float>& first,
                          const Conv2dShape& second_shape, const Conv2dForward<float>& second) {
    chain_for(first_shape, second_shape)(first_shape, first, second_shape, second);
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
            for (std::int64_t c = 0; c < channels; ++c)
                sums[c] += static_cast<Conv2dWeight<T>>(output_gradient[p * channels + c]);
    }
    for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0.0;
        for (std::int64_t b = 0; b < blocks; ++b) sum += partial[static_cast<std::size_t>(b * channels + c)];
        bias_gradient[c] = static_cast<Conv2dWeight<T>>(scale * sum);
    }
}

DNSP_INSTANTIATE_STORED(conv2d_forward);
DNSP_INSTANTIATE_STORED(conv2d_backward_input);
DNSP_INSTANTIATE_STORED(conv2d_backward_weight);
template decltype(conv2d_forward<double>) conv2d_forward<double>;
template decltype(conv2d_backward_input<double>) conv2d_backward_input<double>;
template decltype(conv2d_backward_weight<double>) conv2d_backward_weight<double>;
DNSP_INSTANTIATE(conv2d_backward_bias);
template decltype(conv2d_backward_bias<bfloat16>) conv2d_backward_bias<bfloat16>;

}  // namespace dnsp::kernels::cpu
