#include "priors/loss_term.hpp"

#include <fmt/format.h>

#include "priors/filter_bank.hpp"

namespace dnsp {
TermRegistry& term_registry() {
    static TermRegistry registry("term");
    return registry;
}

TermValue differentiate(const Tensor& output,
                        const std::function<Tensor(Tape&, const Tensor& output)>& compose) {
    Tensor leaf = output.view(0, output.shape());
    leaf.require_gradient();
    Tape tape;
    const Tensor value = compose(tape, leaf);
    require(value.dtype() == DType::float64 && value.elements() == 1,
            "[differentiate] expects a float64 scalar, got " + value.shape().text());
    tape.backward(value);
    return {value, 1.0, {{output, leaf.gradient()}}};
}

const Tensor& Constant::like(const Tensor& other) {
    if (!tensor_.defined() || tensor_.dtype() != other.dtype() || tensor_.device() != other.device())
        tensor_ = dispatch(other.dtype(), [&]<class T>() {
            return Tensor::from<T>(shape_, std::vector<T>(values_.begin(), values_.end()), other.device());
        });
    return tensor_;
}

std::shared_ptr<FilterBank> TermContext::filter_bank() {
    if (!filters_) filters_ = std::make_shared<FilterBank>(store_, options<FilterOptions>());
    return filters_;
}

void require_images(const Tensor& images, const char* where) {
    require(images.defined() && images.shape().rank() == 4 && images.shape()[3] == 1 && images.elements() > 0,
            fmt::format("[{}] expects [batch, height, width, 1], got {}", where,
                        images.defined() ? images.shape().text() : "nothing"));
}

void require_image_pair(const Tensor& output, const Tensor& target, const char* where) {
    require_images(output, where);
    require(target.defined() && target.shape() == output.shape() && target.dtype() == output.dtype() &&
                target.device() == output.device(),
            fmt::format("[{}] expects a target like the output, {}, got {}", where, output.shape().text(),
                        target.defined() ? target.shape().text() : "nothing"));
}

}  // namespace dnsp
