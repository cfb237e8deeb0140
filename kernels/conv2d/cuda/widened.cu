#include "kernels/conv2d/cuda/widened.hpp"

#include <optional>
#include <type_traits>

#include "base/workspace.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

/// An image as float for reading: the image itself or a converted copy. Null stays null.
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

/// Calls write(float*), then converts the result to an image of type T.
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

template <class In, class Out>
void widened_forward(const Conv2dShape& shape, const Conv2dForward<In, Out>& pass) {
    const Widened input(shape.input_elements(), pass.input),
        residual(shape.output_elements(), pass.epilogue.residual);
    write_as_float(shape.output_elements(), pass.output, [&](float* output) {
        conv2d_forward<float>(shape,
                              {.input = input.data(),
                               .weight = pass.weight,
                               .bias = pass.bias,
                               .epilogue = {pass.epilogue.activation, pass.epilogue.scale, residual.data()},
                               .output = output});
    });
}

template <class In, class Out>
void widened_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<In, Out>& pass) {
    const std::int64_t count = shape.input_elements();
    const Widened output_gradient(shape.output_elements(), pass.output_gradient),
        relu_output(count, pass.relu_output), accumulate(count, pass.accumulate);
    write_as_float(count, pass.input_gradient, [&](float* input_gradient) {
        conv2d_backward_input<float>(shape, {.output_gradient = output_gradient.data(),
                                             .scale = pass.scale,
                                             .weight = pass.weight,
                                             .relu_output = relu_output.data(),
                                             .accumulate = accumulate.data(),
                                             .input_gradient = input_gradient});
    });
}

template <class In, class Out>
void widened_backward_weight(const Conv2dShape& shape, const Conv2dBackwardWeight<In, Out>& pass) {
    const Widened input(shape.input_elements(), pass.input),
        output_gradient(shape.output_elements(), pass.output_gradient);
    conv2d_backward_weight<float>(shape, {.input = input.data(),
                                          .output_gradient = output_gradient.data(),
                                          .scale = pass.scale,
                                          .weight_gradient = pass.weight_gradient,
                                          .bias_gradient = pass.bias_gradient});
}

#define INSTANTIATE(In, Out)                                                            \
    template decltype(widened_forward<In, Out>) widened_forward<In, Out>;               \
    template decltype(widened_backward_input<In, Out>) widened_backward_input<In, Out>; \
    template decltype(widened_backward_weight<In, Out>) widened_backward_weight<In, Out>;
INSTANTIATE(bfloat16, bfloat16)
INSTANTIATE(float, bfloat16)
INSTANTIATE(bfloat16, float)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cuda::detail
