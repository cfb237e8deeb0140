#include "layers/relu.hpp"

#include "engine/on_device.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {

Tensor relu(Tape& tape, const Tensor& input) {
    require_one_device("relu", input);
    Tensor output = Tensor::empty_like(input);
    dispatch(input.dtype(), [&]<class T>() {
        on(input.device(), kernels::cpu::relu_forward<T>, kernels::cuda::relu_forward<T>)(
            input.elements(), input.data<T>(), output.data<T>());
    });
    if (!tape.needs_gradient(input)) return output;
    const Tensor saved = output;
    tape.record(output, [=](const Tensor& output_gradient) {
        contribute_gradient(input, [&](const Tensor& target) {
            dispatch(input.dtype(), [&]<class T>() {
                on(input.device(), kernels::cpu::relu_backward<T>, kernels::cuda::relu_backward<T>)(
                    saved.elements(), output_gradient.data<T>(), saved.data<T>(), target.data<T>());
            });
        });
    });
    return output;
}

}  // namespace dnsp
