#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/device.hpp"
#include "engine/memory.hpp"
#include "engine/shape.hpp"
#include "kernels/bfloat16.hpp"

namespace dnsp {

/// bfloat16 is a storage type for images inside a network. Few operations support it.
enum class DType { float32, float64, bfloat16 };

std::size_t size_of(DType dtype);
std::string to_string(DType dtype);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
    return DType::float32;
}
template <>
constexpr DType dtype_of<double>() {
    return DType::float64;
}
template <>
constexpr DType dtype_of<kernels::bfloat16>() {
    return DType::bfloat16;
}

struct Gradient;

/// A handle to a dense array on a device. Copies share the memory and, on a tape, the gradient. const refers
/// to the handle: data(), copy_from() and fill() of a const Tensor write to the array.
class Tensor {
  public:
    Tensor() = default;

    /// Uninitialised.
    static Tensor empty(const Shape& shape, DType dtype, Device device = {});
    static Tensor zeros(const Shape& shape, DType dtype, Device device = {});
    static Tensor empty_like(const Tensor& other) {
        return empty(other.shape_, other.dtype_, other.device());
    }

    /// A tensor in memory of somebody else, which stays valid as long as the tensor and its copies.
    static Tensor borrow(const Shape& shape, DType dtype, Device device, void* data);

    /// A copy of host values.
    template <class T>
    static Tensor from(const Shape& shape, std::span<const T> values, Device device = {});
    template <class T>
    static Tensor from(const Shape& shape, const std::vector<T>& values, Device device = {}) {
        return from<T>(shape, std::span<const T>(values), device);
    }

    /// The elements [first, first + shape.elements()) of this tensor, sharing its memory but no gradient.
    Tensor view(std::int64_t first, const Shape& shape) const;

    bool defined() const { return storage_ != nullptr; }
    /// True if no other tensor shares the memory.
    bool owns_memory_alone() const { return storage_.use_count() == 1; }
    const Shape& shape() const { return shape_; }
    DType dtype() const { return dtype_; }
    Device device() const { return storage_->device(); }
    std::int64_t elements() const { return shape_.elements(); }

    /// Pointer in device memory. Throws Error unless T is the dtype.
    template <class T>
    T* data() const {
        require(defined() && dtype_ == dtype_of<T>(),
                "[Tensor] data() expects the type that the tensor holds");
        return static_cast<T*>(storage_->data()) + offset_;
    }

    /// The tensor itself if it lies on `device`, else a copy there without gradient.
    Tensor to(Device device) const;
    /// Host copy.
    template <class T>
    std::vector<T> to_vector() const;
    /// The only element, as double.
    double item() const;
    /// Copies from a tensor of the same shape and type, on any device.
    void copy_from(const Tensor& other) const;
    void fill(double value) const;

    /// True if backward passes compute a gradient for this tensor (tape.hpp).
    bool requires_gradient() const { return gradient_ != nullptr; }
    Tensor& require_gradient();
    /// The gradient of the last backward pass; undefined before the first one.
    Tensor gradient() const;
    /// The slot that backward passes write to; null if the tensor requires no gradient.
    const std::shared_ptr<Gradient>& gradient_slot() const { return gradient_; }

  private:
    void* bytes_of_first() const {
        return static_cast<std::byte*>(storage_->data()) +
               static_cast<std::size_t>(offset_) * size_of(dtype_);
    }

    Shape shape_;
    DType dtype_ = DType::float32;
    std::int64_t offset_ = 0;
    std::shared_ptr<Storage> storage_;
    std::shared_ptr<Gradient> gradient_;
};

/// The slot for the gradient of a tensor.
struct Gradient {
    Tensor value;          ///< undefined until needed, or preset to a view of the parameter store
    bool written = false;  ///< true if `value` holds a contribution
    /// If the tensor is the output of an operation with a fused ReLU, that output, else undefined.
    /// accumulate_gradient() sets every contribution to 0 where relu_output is 0.
    Tensor relu_output;
};

/// Calls f.template operator()<float>() or <double>() by dtype. Throws Error for bfloat16: operations that
/// support it handle it before they call dispatch().
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
    require(dtype != DType::bfloat16, "[Tensor] this operation does not support bfloat16");
    if (dtype == DType::float64) return f.template operator()<double>();
    return f.template operator()<float>();
}

}  // namespace dnsp
