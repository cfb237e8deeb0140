// Which kernels a convolution on the CUDA device is for.
#include "kernels/conv2d/conv2d.hpp"

#include <optional>
#include <type_traits>

#include "base/error.hpp"
#include "kernels/conv2d/cuda/cublas.hpp"
#include "kernels/conv2d/cuda/cudnn.hpp"
#include "kernels/conv2d/cuda/mma.hpp"
#include "kernels/conv2d/cuda/single_channel.hpp"
#include "kernels/conv2d/cuda/tiled.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda {
namespace {

Conv2dOptions& options() {
    static Conv2dOptions instance;
    return instance;
}

enum class Path { cudnn, cublas, single_channel, tensor_cores, tiled };

/// Never a matter of the image's size, so that a tile of an image gets the bits that the whole would.
template <class T, class... Arrays>
Path path_for(const Conv2dShape& shape, const Arrays*... arrays) {
    constexpr bool is_float = std::is_same_v<T, float>;
    const auto [backend, precision] = options();
    if (backend == Conv2dBackend::cudnn && is_float) return Path::cudnn;
    if (backend == Conv2dBackend::cublas) return Path::cublas;
    if (!simt::are_aligned(arrays...)) return Path::tiled;
    if (detail::single_channel_serves<T>(shape)) return Path::single_channel;
    if (is_float && precision != Conv2dPrecision::float32 && detail::mma_supports(shape))
        return Path::tensor_cores;
    return Path::tiled;
}

}  // namespace

const Conv2dOptions& conv2d_options() { return options(); }

void set_conv2d_options(const Conv2dOptions& wanted) {
    if (wanted.backend == Conv2dBackend::cudnn)
        require(detail::cudnn_available(),
                "[conv2d] cuDNN cannot be used: " + detail::cudnn_unavailable_reason());
    if (wanted.backend == Conv2dBackend::cublas) detail::open_cublas();
    options() = wanted;
}

template <class T>
void conv2d_forward(const Conv2dShape& shape, const T* input, const T* weight, const T* bias,
                    const Conv2dEpilogue<T>& epilogue, T* output) {
    const Path path = path_for<T>(shape, input, weight, bias, epilogue.residual, output);
    if constexpr (std::is_same_v<T, float>) {
        const Conv2dPrecision precision = options().precision;
        if (path == Path::cudnn)
            return detail::cudnn_forward(shape, precision, input, weight, bias, epilogue, output);
        if (path == Path::tensor_cores)
            return detail::mma_forward(shape, precision, input, weight, bias, epilogue, output);
    }
    if (path == Path::cublas) return detail::cublas_forward(shape, input, weight, bias, epilogue, output);
    if (path == Path::single_channel)
        return detail::single_channel_forward(shape, input, weight, bias, epilogue, output);
    detail::tiled_forward(shape, input, weight, bias, epilogue, output);
}

template <class T>
void conv2d_backward_input(const Conv2dShape& shape, const T* output_gradient, double scale, const T* weight,
                           const T* rectified_input, const T* added, T* input_gradient) {
    const Path path = path_for<T>(shape, output_gradient, weight, rectified_input, added, input_gradient);
    if constexpr (std::is_same_v<T, float>) {
        const Conv2dPrecision precision = options().precision;
        if (path == Path::cudnn)
            return detail::cudnn_backward_input(shape, precision, output_gradient, scale, weight,
                                                rectified_input, added, input_gradient);
        if (path == Path::tensor_cores)
            return detail::mma_backward_input(shape, precision, output_gradient, scale, weight,
                                              rectified_input, added, input_gradient);
    }
    if (path == Path::cublas)
        return detail::cublas_backward_input(shape, output_gradient, scale, weight, rectified_input, added,
                                             input_gradient);
    if (path == Path::single_channel && shape.out_channels == 1)
        return detail::single_channel_backward_input(shape, output_gradient, scale, weight, rectified_input,
                                                     added, input_gradient);
    detail::tiled_backward_input(shape, output_gradient, scale, weight, rectified_input, added,
                                 input_gradient);
}

template <class T>
void conv2d_backward_weight(const Conv2dShape& shape, const T* input, const T* output_gradient, double scale,
                            T* weight_gradient, T* bias_gradient) {
    std::optional<detail::BiasGradient<T>> bias;
    if (bias_gradient) bias.emplace(shape, output_gradient, scale, bias_gradient);
    const detail::PartialSums<double, T>* of_bias = bias ? &bias->partial_sums() : nullptr;
    const Path path = path_for<T>(shape, input, output_gradient, weight_gradient);
    if (of_bias && (path == Path::cudnn || path == Path::cublas)) detail::add_partial_sums(*of_bias);
    if constexpr (std::is_same_v<T, float>) {
        const Conv2dPrecision precision = options().precision;
        if (path == Path::cudnn)
            return detail::cudnn_backward_weight(shape, precision, input, output_gradient, scale,
                                                 weight_gradient);
        if (path == Path::tensor_cores)
            return detail::mma_backward_weight(shape, precision, input, output_gradient, scale,
                                               weight_gradient, of_bias);
    }
    if (path == Path::cublas)
        return detail::cublas_backward_weight(shape, input, output_gradient, scale, weight_gradient);
    if (path == Path::single_channel)
        return detail::single_channel_backward_weight(shape, input, output_gradient, scale, weight_gradient,
                                                      of_bias);
    detail::tiled_backward_weight(shape, input, output_gradient, scale, weight_gradient, of_bias);
}

#define INSTANTIATE(T)                                                                               \
    template void conv2d_forward<T>(const Conv2dShape&, const T*, const T*, const T*,                \
                                    const Conv2dEpilogue<T>&, T*);                                   \
    template void conv2d_backward_input<T>(const Conv2dShape&, const T*, double, const T*, const T*, \
                                           const T*, T*);                                            \
    template void conv2d_backward_weight<T>(const Conv2dShape&, const T*, const T*, double, T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cuda
