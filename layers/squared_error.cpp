#include "layers/squared_error.hpp"

#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {

TermValue squared_error(const Tensor& output, const Tensor& target, Reduction reduction) {
    require_one_device("squared_error", output, target);
    require(output.shape() == target.shape() && output.dtype() == target.dtype(),
            "[squared_error] expected a target of shape " + output.shape().text() + ", got " +
                target.shape().text());
    const std::int64_t divisor = reduction == Reduction::mean ? output.elements() : output.shape()[0];
    const Tensor gradient = Tensor::empty_like(output);
    const Tensor values =
        Tensor::empty({kernels::squared_error_parts(output.elements())}, DType::float64, output.device());
    dispatch(output.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(output.device(), squared_error<T>)
        (output.elements(), output.data<T>(), target.data<T>(), gradient.data<T>(), values.data<double>());
    });
    return {values, 1.0 / static_cast<double>(divisor), {{output, gradient}}};
}

}  // namespace dnsp
