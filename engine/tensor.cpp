#include "engine/tensor.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/elementwise.hpp"

namespace dnsp {

std::size_t size_of(DType dtype) { return dtype == DType::float32 ? 4 : 8; }

std::string to_string(DType dtype) { return dtype == DType::float32 ? "float32" : "float64"; }

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
    Tensor tensor;
    tensor.shape_ = shape;
    tensor.dtype_ = dtype;
    tensor.storage_ =
        std::make_shared<Storage>(device, static_cast<std::size_t>(shape.elements()) * size_of(dtype));
    return tensor;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
    Tensor tensor = empty(shape, dtype, device);
    tensor.fill(0.0);
    return tensor;
}

template <class T>
Tensor Tensor::from(const Shape& shape, std::span<const T> values, Device device) {
    require(static_cast<std::int64_t>(values.size()) == shape.elements(),
            "[Tensor::from] " + std::to_string(values.size()) + " values for shape " + shape.text());
    Tensor tensor = empty(shape, dtype_of<T>(), device);
    require_cpu(tensor, "Tensor::from");
    std::copy(values.begin(), values.end(), tensor.data<T>());
    return tensor;
}
template Tensor Tensor::from<float>(const Shape&, std::span<const float>, Device);
template Tensor Tensor::from<double>(const Shape&, std::span<const double>, Device);

Tensor Tensor::view(std::int64_t first, const Shape& shape) const {
    require(first >= 0 && first + shape.elements() <= elements(),
            "[Tensor::view] " + shape.text() + " from element " + std::to_string(first) + " exceeds " +
                shape_.text());
    Tensor tensor;
    tensor.shape_ = shape;
    tensor.dtype_ = dtype_;
    tensor.offset_ = offset_ + first;
    tensor.storage_ = storage_;
    return tensor;
}

template <class T>
std::vector<T> Tensor::to_vector() const {
    require_cpu(*this, "Tensor::to_vector");
    const T* begin = data<T>();
    return std::vector<T>(begin, begin + elements());
}
template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<double> Tensor::to_vector<double>() const;

double Tensor::item() const {
    require(elements() == 1, "[Tensor::item] expected one element, got shape " + shape_.text());
    return dispatch(dtype_, [&]<class T>() { return static_cast<double>(to_vector<T>().front()); });
}

void Tensor::copy_from(const Tensor& other) {
    require(shape_ == other.shape_ && dtype_ == other.dtype_,
            "[Tensor::copy_from] expected " + shape_.text() + ", got " + other.shape_.text());
    require_cpu(*this, "Tensor::copy_from");
    dispatch(dtype_, [&]<class T>() {
        std::memmove(data<T>(), other.data<T>(), static_cast<std::size_t>(elements()) * sizeof(T));
    });
}

void Tensor::fill(double value) {
    require_cpu(*this, "Tensor::fill");
    dispatch(dtype_, [&]<class T>() { kernels::cpu::fill<T>(elements(), static_cast<T>(value), data<T>()); });
}

Tensor& Tensor::require_gradient() {
    if (!gradient_) gradient_ = std::make_shared<Gradient>();
    return *this;
}

Tensor Tensor::gradient() const { return gradient_ && gradient_->written ? gradient_->value : Tensor(); }

void require_cpu(const Tensor& tensor, const char* operation) {
    require(tensor.defined(), std::string("[") + operation + "] the tensor is undefined");
    require(
        tensor.device().kind == DeviceKind::cpu,
        std::string("[") + operation + "] has no implementation for device " + to_string(tensor.device()));
}

}  // namespace dnsp
