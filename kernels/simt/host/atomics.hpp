#pragma once

// Atomic operations on integers. Plain operations suffice, because threads switch only where they wait or,
// before an access that the compiler reports, in random order. The compiler does not report these accesses:
// each operation counts as one.
#include <concepts>
#include <type_traits>

#include "kernels/simt/host/executor.hpp"

#define DNSP_ATOMIC_OPERATION __attribute__((no_sanitize("thread")))

namespace dnsp::simt::host {
/// The types of CUDA's atomics. On Linux, std::uint64_t is not unsigned long long.
template <class T>
concept AtomicInteger =
    std::same_as<T, int> || std::same_as<T, unsigned> || std::same_as<T, unsigned long long>;
}  // namespace dnsp::simt::host

// Each returns the old value. The value is converted to the type of the address.

template <dnsp::simt::host::AtomicInteger T>
DNSP_ATOMIC_OPERATION T atomicExch(T* address, std::type_identity_t<T> value) {
    dnsp::simt::host::note_atomic(address, sizeof(T));
    const T old = *address;
    *address = value;
    return old;
}

template <dnsp::simt::host::AtomicInteger T>
DNSP_ATOMIC_OPERATION T atomicCAS(T* address, std::type_identity_t<T> expected,
                                  std::type_identity_t<T> value) {
    dnsp::simt::host::note_atomic(address, sizeof(T));
    const T old = *address;
    if (old == expected) *address = value;
    return old;
}

namespace dnsp::simt::host {
/// *address = change(*address)
template <class T, class Change>
DNSP_ATOMIC_OPERATION T change_atomically(T* address, Change change) {
    note_atomic(address, sizeof(T));
    const T old = *address;
    *address = change(old);
    return old;
}
}  // namespace dnsp::simt::host

/// Wraps around on overflow, as on the device.
template <dnsp::simt::host::AtomicInteger T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
    using Bits = std::make_unsigned_t<T>;
    return dnsp::simt::host::change_atomically(address, [value](T old) {
        return static_cast<T>(static_cast<Bits>(old) + static_cast<Bits>(value));
    });
}

template <dnsp::simt::host::AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value) {
    return dnsp::simt::host::change_atomically(address, [value](T old) { return old < value ? value : old; });
}

template <dnsp::simt::host::AtomicInteger T>
T atomicMin(T* address, std::type_identity_t<T> value) {
    return dnsp::simt::host::change_atomically(address, [value](T old) { return value < old ? value : old; });
}

template <dnsp::simt::host::AtomicInteger T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
    return dnsp::simt::host::change_atomically(address, [value](T old) { return old & value; });
}

template <dnsp::simt::host::AtomicInteger T>
T atomicOr(T* address, std::type_identity_t<T> value) {
    return dnsp::simt::host::change_atomically(address, [value](T old) { return old | value; });
}

// Deleted: the order of atomic additions, and with it the rounding, differs between runs. Sum in a fixed
// order instead.
float atomicAdd(float* address, float value) = delete;
double atomicAdd(double* address, double value) = delete;

#undef DNSP_ATOMIC_OPERATION
