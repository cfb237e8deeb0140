#include "kernels/conv2d/mixed.hpp"

#include <optional>
#include <type_traits>

#include "base/device/workspace.hpp"
#include "kernels/conv2d/cuda/wgmma.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda {
namespace {

template <class In, class Out>
constexpr bool is_bfloat16 = std::is_same_v<In, bfloat16>&& std::is_same_v<Out, bfloat16>;

template <class... Arrays>
bool wgmma_serves(const Conv2dShape& shape, const Arrays*... images) {
    return conv2d_options().backend == Conv2dBackend::ours && detail::wgmma_supports(shape) &&
           simt::are_aligned(images...);
}

/// An image to read, as float: itself, or a copy; null stays null.
class Widened {
  public:
    Widened(std::int64_t, const float* image) : image_(image) {}
    Widened(std::int64_t count, const bfloat16* image) {
        if (image) convert(count, image, copy_.emplace(count).data());
    }
    const float* data() const { return copy_ ? copy_->data() : image_; }

  private:
    const float* image_ = nullptr;
    std::optional<simt::Workspace<float>> copy_;
};

/// Calls write(float*) for an image of type T.
template <class T, class Write>
void write_as_float(std::int64_t count, T* image, Write&& write) {
    if constexpr (std::is_same_v<T, float>) {
        write(image);
    } else {
        const simt::Workspace<float> wide(count);
        write(wide.data());
        convert(count, wide.data(), image);
    }
}

}  // namespace

bool conv2d_stores_bfloat16(std::int64_t in_channels, std::int64_t out_channels) {
    return conv2d_options().precision == Conv2dPrecision::bfloat16 &&
           wgmma_serves({1, 8, 8, in_channels, out_channels, 3, 3});
}

template <class In, class Out>
void conv2d_mixed_forward(const Conv2dShape& shape, const In* input, const float* weight, const float* bias,
                          const Conv2dEpilogue<Out>& epilogue, Out* output) {
    if constexpr (is_bfloat16<In, Out>)
        if (wgmma_serves(shape, input, epilogue.residual, output))
            return detail::wgmma_forward(shape, input, weight, bias, epilogue, output);
    const Widened wide_input(shape.input_elements(), input),
        wide_residual(shape.output_elements(), epilogue.residual);
    write_as_float(shape.output_elements(), output, [&](float* to) {
        conv2d_forward<float>(shape, wide_input.data(), weight, bias,
                              {epilogue.activation, epilogue.scale, wide_residual.data()}, to);
    });
}

template <class In, class Out>
void conv2d_mixed_backward_input(const Conv2dShape& shape, const Out* output_gradient, double scale,
                                 const float* weight, const In* rectified_input, const In* added,
                                 In* input_gradient) {
    if constexpr (is_bfloat16<In, Out>)
        if (!(rectified_input && added) &&
            wgmma_serves(shape, output_gradient, rectified_input, added, input_gradient))
            return detail::wgmma_backward_input(shape, output_gradient, scale, weight, rectified_input, added,
                                                input_gradient);
    const std::int64_t count = shape.input_elements();
    const Widened gradient(shape.output_elements(), output_gradient), rectified(count, rectified_input),
        before(count, added);
    write_as_float(count, input_gradient, [&](float* to) {
        conv2d_backward_input<float>(shape, gradient.data(), scale, weight, rectified.data(), before.data(),
                                     to);
    });
}

template <class In, class Out>
void conv2d_mixed_backward_weight(const Conv2dShape& shape, const In* input, const Out* output_gradient,
                                  double scale, float* weight_gradient, float* bias_gradient) {
    if constexpr (is_bfloat16<In, Out>)
        if (wgmma_serves(shape, input, output_gradient)) {
            std::optional<detail::BiasGradient<float>> bias;
            if (bias_gradient) bias.emplace(shape, output_gradient, scale, bias_gradient);
            return detail::wgmma_backward_weight(shape, input, output_gradient, scale, weight_gradient,
                                                 bias ? &bias->partial_sums() : nullptr);
        }
    const Widened wide_input(shape.input_elements(), input),
        gradient(shape.output_elements(), output_gradient);
    conv2d_backward_weight<float>(shape, wide_input.data(), gradient.data(), scale, weight_gradient,
                                  bias_gradient);
}

#define INSTANTIATE(In, Out)                                                                              \
    template void conv2d_mixed_forward(const Conv2dShape&, const In*, const float*, const float*,         \
                                       const Conv2dEpilogue<Out>&, Out*);                                 \
    template void conv2d_mixed_backward_input(const Conv2dShape&, const Out*, double, const float*,       \
                                              const In*, const In*, In*);                                 \
    template void conv2d_mixed_backward_weight(const Conv2dShape&, const In*, const Out*, double, float*, \
                                               float*);
INSTANTIATE(bfloat16, bfloat16)
INSTANTIATE(float, bfloat16)
INSTANTIATE(bfloat16, float)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cuda
