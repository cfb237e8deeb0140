#include "layers/squared_error.hpp"

#include "layers/closed_form.hpp"

namespace dnsp {

Tensor squared_error(Tape& tape, const Tensor& output, const Tensor& target, Reduction reduction) {
    require_cpu(output, "squared_error");
    require(output.shape() == target.shape() && output.dtype() == target.dtype(),
            "[squared_error] expected a target of shape " + output.shape().text() + ", got " +
                target.shape().text());
    const double divisor =
        static_cast<double>(reduction == Reduction::mean ? output.elements() : output.shape()[0]);
    const Tensor gradient = Tensor::empty_like(output);
    double value = 0.0;
    dispatch(output.dtype(), [&]<class T>() {
        value = kernels::cpu::squared_error<T>(output.elements(), 1.0 / divisor, output.data<T>(),
                                               target.data<T>(), gradient.data<T>());
    });
    return record_closed_form(tape, value, {{output, gradient}});
}

}  // namespace dnsp
