#include "engine/tensor.hpp"

#include <cstring>

#include "base/device/runtime.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {

std::size_t size_of(DType dtype) {
    return dtype == DType::float32   ? sizeof(float)
           : dtype == DType::float64 ? sizeof(double)
                                     : sizeof(kernels::bfloat16);
}

std::string to_string(DType dtype) {
    return dtype == DType::float32 ? "float32" : dtype == DType::float64 ? "float64" : "bfloat16";
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
    Tensor tensor;
    tensor.shape_ = shape;
    tensor.dtype_ = dtype;
    tensor.storage_ =
        std::make_shared<Storage>(device, static_cast<std::size_t>(shape.elements()) * size_of(dtype));
    return tensor;
}

Tensor Tensor::borrow(const Shape& shape, DType dtype, Device device, void* data) {
    require(data != nullptr || shape.elements() == 0, "[Tensor::borrow] the memory is null");
    Tensor tensor;
    tensor.shape_ = shape;
    tensor.dtype_ = dtype;
    tensor.storage_ =
        std::make_shared<Storage>(device, static_cast<std::size_t>(shape.elements()) * size_of(dtype), data);
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
    copy_from_host(*tensor.storage_, 0, values.data(), values.size_bytes());
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

Tensor Tensor::to(Device device) const {
    require(defined(), "[Tensor::to] the tensor is undefined");
    if (device == this->device()) return *this;
    Tensor copy = empty(shape_, dtype_, device);
    copy.copy_from(*this);
    return copy;
}

template <class T>
std::vector<T> Tensor::to_vector() const {
    (void)data<T>();  // checks the type
    std::vector<T> values(static_cast<std::size_t>(elements()));
    copy_to_host(values.data(), *storage_, static_cast<std::size_t>(offset_) * sizeof(T),
                 values.size() * sizeof(T));
    return values;
}
template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<double> Tensor::to_vector<double>() const;
template std::vector<kernels::bfloat16> Tensor::to_vector<kernels::bfloat16>() const;

double Tensor::item() const {
    require(elements() == 1, "[Tensor::item] expected one element, got shape " + shape_.text());
    return dispatch(dtype_, [&]<class T>() { return static_cast<double>(to_vector<T>().front()); });
}

void Tensor::copy_from(const Tensor& other) const {
    require(
        other.defined() && shape_ == other.shape_ && dtype_ == other.dtype_,
        "[Tensor::copy_from] expected " + to_string(dtype_) + " " + shape_.text() + ", got " +
            (other.defined() ? to_string(other.dtype_) + " " + other.shape_.text() : "an undefined tensor"));
    const std::size_t bytes = static_cast<std::size_t>(elements()) * size_of(dtype_);
    const bool from_host = other.device().kind == DeviceKind::cpu;
    if (bytes == 0) return;
    if (device().kind == DeviceKind::cpu && from_host)
        std::memmove(bytes_of_first(), other.bytes_of_first(), bytes);
    else if (from_host)
        simt::copy_to_device(bytes_of_first(), other.bytes_of_first(), bytes);
    else if (device().kind == DeviceKind::cpu)
        simt::copy_to_host(bytes_of_first(), other.bytes_of_first(), bytes);
    else
        simt::copy_on_device(bytes_of_first(), other.bytes_of_first(), bytes);
}

void Tensor::fill(double value) const {
    dispatch(dtype_, [&]<class T>() {
        DNSP_KERNEL_FOR(device(), fill<T>)(elements(), static_cast<T>(value), data<T>());
    });
}

Tensor& Tensor::require_gradient() {
    if (!gradient_) gradient_ = std::make_shared<Gradient>();
    return *this;
}

Tensor Tensor::gradient() const { return gradient_ && gradient_->written ? gradient_->value : Tensor(); }

}  // namespace dnsp
