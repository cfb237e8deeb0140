#include "layers/squared_error.hpp"

#include "engine/on_device.hpp"
#include "kernels/elementwise.hpp"
#include "layers/closed_form.hpp"

namespace dnsp {

SquaredError squared_error(Tape& tape, const Tensor& output, const Tensor& target, Reduction reduction) {
    require_one_device("squared_error", output, target);
    require(output.shape() == target.shape() && output.dtype() == target.dtype(),
            "[squared_error] expected a target of shape " + output.shape().text() + ", got " +
                target.shape().text());
    const double divisor =
        static_cast<double>(reduction == Reduction::mean ? output.elements() : output.shape()[0]);
    const Tensor gradient = Tensor::empty_like(output);
    const Tensor value = Tensor::empty({1}, DType::float64, output.device());
    dispatch(output.dtype(), [&]<class T>() {
        on(output.device(), kernels::cpu::squared_error<T>, kernels::cuda::squared_error<T>)(
            output.elements(), 1.0 / divisor, output.data<T>(), target.data<T>(), gradient.data<T>(),
            value.data<double>());
    });
    return {record_closed_form(tape, value, {{output, gradient}}), gradient};
}

}  // namespace dnsp
