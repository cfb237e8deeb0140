#include "priors/matched.hpp"

#include "engine/kernel_for.hpp"

namespace dnsp {

TermValue matched(const TermValue& of_output, const TermValue& of_target, Matching matching) {
    const Tensor &output = of_output.gradients.front().input,
                 &gradient = of_output.gradients.front().gradient;
    const std::int64_t batch = output.shape()[0];
    require(of_output.values.elements() == batch && of_target.values.elements() == batch,
            "[matched] expects a value for each image");
    const Tensor loss = Tensor::empty({batch}, DType::float64, output.device());
    dispatch(output.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(output.device(), match_values<T>)
        ({batch, output.elements() / batch, matching}, of_output.values.data<double>(),
         of_target.values.data<double>(), loss.data<double>(), gradient.data<T>());
    });
    return {loss, 1.0 / static_cast<double>(batch), {{output, gradient}}};
}

}  // namespace dnsp
