#pragma once

// 16-byte accesses to arrays that are aligned to 16 bytes, element-wise accesses to others.
#include <cstdint>

#include "kernels/simt/simt.cuh"

namespace dnsp::simt {

template <class T>
struct alignas(16) Vector {
    static constexpr int width = 16 / sizeof(T);
    T element[width];
};

template <class... Pointers>
bool are_aligned(const Pointers*... pointers) {
    return (... && (reinterpret_cast<std::uintptr_t>(pointers) % 16 == 0));
}

/// Elements first … first + elements − 1, zero past them. `first` must be a multiple of the width. `elements`
/// must be the width or, at the end of the array, less.
template <class T>
__device__ __forceinline__ Vector<T> load_vector(const T* values, std::int64_t first, int elements,
                                                 bool aligned) {
    if (aligned && elements == Vector<T>::width) return *reinterpret_cast<const Vector<T>*>(values + first);
    Vector<T> vector{};
#pragma unroll
    for (int k = 0; k < Vector<T>::width; ++k)
        if (k < elements) vector.element[k] = values[first + k];
    return vector;
}

template <class T>
__device__ __forceinline__ void store_vector(const Vector<T>& vector, T* values, std::int64_t first,
                                             int elements, bool aligned) {
    if (aligned && elements == Vector<T>::width) {
        *reinterpret_cast<Vector<T>*>(values + first) = vector;
        return;
    }
#pragma unroll
    for (int k = 0; k < Vector<T>::width; ++k)
        if (k < elements) values[first + k] = vector.element[k];
}

}  // namespace dnsp::simt
