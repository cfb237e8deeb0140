// Selects the algorithm of a convolution on the CUDA device.
#include "kernels/conv2d/conv2d.hpp"

#include <algorithm>
#include <type_traits>

#include "kernels/conv2d/cuda/cublas.hpp"
#include "kernels/conv2d/cuda/cudnn.hpp"
#include "kernels/conv2d/cuda/mma.hpp"
#include "kernels/conv2d/cuda/single_channel.hpp"
#include "kernels/conv2d/cuda/tiled.hpp"
#include "kernels/conv2d/cuda/wgmma.hpp"
#include "kernels/conv2d/cuda/widened.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda {
namespace {

/// True for arrays that are aligned to 16 bytes.
struct Aligned {
    bool images, weights;
};
template <class In, class Out>
Aligned aligned(const Conv2dForward<In, Out>& pass) {
    return {simt::are_aligned(pass.input, pass.epilogue.residual, pass.output),
            simt::are_aligned(pass.weight, pass.bias)};
}
template <class In, class Out>
Aligned aligned(const Conv2dBackwardInput<In, Out>& pass) {
    return {simt::are_aligned(pass.output_gradient, pass.relu_output, pass.accumulate, pass.input_gradient),
            simt::are_aligned(pass.weight)};
}
template <class In, class Out>
Aligned aligned(const Conv2dBackwardWeight<In, Out>& pass) {
    return {simt::are_aligned(pass.input, pass.output_gradient), simt::are_aligned(pass.weight_gradient)};
}

/// The inputs of the selection.
struct Choice {
    const Conv2dShape& shape;
    Conv2dOptions options;
    Aligned aligned;

    bool all_aligned() const { return aligned.images && aligned.weights; }
};

template <class In, class Out>
struct Algorithm {
    bool (*supports)(const Choice&);
    decltype(&conv2d_forward<In, Out>) forward;
    decltype(&conv2d_backward_input<In, Out>) backward_input;
    decltype(&conv2d_backward_weight<In, Out>) backward_weight;
};

bool supports_all(const Choice&) { return true; }
bool is_cudnn(const Choice& c) { return c.options.backend == Conv2dBackend::cudnn; }
bool is_cublas(const Choice& c) { return c.options.backend == Conv2dBackend::cublas; }
template <class T>
bool is_single_channel(const Choice& c) {
    return c.all_aligned() && detail::single_channel_supports<T>(c.shape);
}
bool is_for_tensor_cores(const Choice& c) {
    return c.all_aligned() && c.options.precision != Conv2dPrecision::float32 &&
           detail::mma_supports(c.shape);
}
bool is_for_wgmma(const Choice& c) {
    return c.aligned.images && c.options.backend == Conv2dBackend::native && detail::wgmma_supports(c.shape);
}

template <class T>
constexpr Algorithm<T, T> by_cublas{is_cublas, detail::cublas_forward<T>, detail::cublas_backward_input<T>,
                                    detail::cublas_backward_weight<T>};
template <class T>
constexpr Algorithm<T, T> single_channel{is_single_channel<T>, detail::single_channel_forward<T>,
                                         detail::single_channel_backward_input<T>,
                                         detail::single_channel_backward_weight<T>};
template <class T>
constexpr Algorithm<T, T> tiled{supports_all, detail::tiled_forward<T>, detail::tiled_backward_input<T>,
                                detail::tiled_backward_weight<T>};
template <class In, class Out>
constexpr Algorithm<In, Out> widened{supports_all, detail::widened_forward<In, Out>,
                                     detail::widened_backward_input<In, Out>,
                                     detail::widened_backward_weight<In, Out>};

/// The first algorithm that supports the pass. The choice does not depend on the image size, so that a tile
/// and the whole image use the same algorithm.
template <template <class, class> class Pass, class In, class Out>
const Algorithm<In, Out>& algorithm_for(const Conv2dShape& shape, const Pass<In, Out>& pass) {
    using namespace detail;
    const auto first_of = [&](const auto& all) -> const Algorithm<In, Out>& {
        const Choice choice{shape, conv2d_options(), aligned(pass)};
        return *std::ranges::find_if(all, [&](const auto& algorithm) { return algorithm.supports(choice); });
    };
    if constexpr (std::is_same_v<In, float> && std::is_same_v<Out, float>) {
        static constexpr Algorithm<float, float> all[] = {
            {is_cudnn, cudnn_forward, cudnn_backward_input, cudnn_backward_weight},
            by_cublas<float>,
            single_channel<float>,
            {is_for_tensor_cores, mma_forward, mma_backward_input, mma_backward_weight},
            tiled<float>};
        return first_of(all);
    } else if constexpr (std::is_same_v<In, double>) {
        static constexpr Algorithm<double, double> all[] = {by_cublas<double>, single_channel<double>,
                                                            tiled<double>};
        return first_of(all);
    } else if constexpr (std::is_same_v<In, Out>) {
        static constexpr Algorithm<bfloat16, bfloat16> all[] = {
            {is_for_wgmma, wgmma_forward, wgmma_backward_input, wgmma_backward_weight},
            widened<bfloat16, bfloat16>};
        return first_of(all);
    } else {
        return widened<In, Out>;
    }
}

}  // namespace

template <class In, class Out>
void conv2d_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass) {
    algorithm_for(shape, pass).forward(shape, pass);
}

template <class In, class Out>
void conv2d_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass) {
    algorithm_for(shape, pass).backward_input(shape, pass);
}

template <class In, class Out>
void conv2d_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass) {
    algorithm_for(shape, pass).backward_weight(shape, pass);
}

#define INSTANTIATE(In, Out)                                                          \
    template decltype(conv2d_forward<In, Out>) conv2d_forward<In, Out>;               \
    template decltype(conv2d_backward_input<In, Out>) conv2d_backward_input<In, Out>; \
    template decltype(conv2d_backward_weight<In, Out>) conv2d_backward_weight<In, Out>;
INSTANTIATE(float, float)
INSTANTIATE(double, double)
INSTANTIATE(bfloat16, bfloat16)
INSTANTIATE(float, bfloat16)
INSTANTIATE(bfloat16, float)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cuda
