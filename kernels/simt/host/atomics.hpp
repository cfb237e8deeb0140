#pragma once

// Atomic operations on integers. Plain operations suffice, because threads switch only where they wait.
#include <concepts>
#include <type_traits>

namespace dnsp::simt::host {
/// The types of CUDA's atomics. On Linux, std::uint64_t is not unsigned long long.
template <class T>
concept AtomicInteger =
    std::same_as<T, int> || std::same_as<T, unsigned> || std::same_as<T, unsigned long long>;
}  // namespace dnsp::simt::host

// Each returns the old value. The value is converted to the type of the address.

template <dnsp::simt::host::AtomicInteger T>
T atomicExch(T* address, std::type_identity_t<T> value) {
    const T old = *address;
    *address = value;
    return old;
}

template <dnsp::simt::host::AtomicInteger T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
    return *address == expected ? atomicExch(address, value) : *address;
}

/// Wraps around on overflow, as on the device.
template <dnsp::simt::host::AtomicInteger T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
    using Bits = std::make_unsigned_t<T>;
    return atomicExch(address, static_cast<T>(static_cast<Bits>(*address) + static_cast<Bits>(value)));
}

template <dnsp::simt::host::AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value) {
    return atomicExch(address, *address < value ? value : *address);
}

template <dnsp::simt::host::AtomicInteger T>
T atomicMin(T* address, std::type_identity_t<T> value) {
    return atomicExch(address, value < *address ? value : *address);
}

template <dnsp::simt::host::AtomicInteger T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
    return atomicExch(address, *address & value);
}

template <dnsp::simt::host::AtomicInteger T>
T atomicOr(T* address, std::type_identity_t<T> value) {
    return atomicExch(address, *address | value);
}

// Deleted: the order of atomic additions, and with it the rounding, differs between runs. Sum in a fixed
// order instead.
float atomicAdd(float* address, float value) = delete;
double atomicAdd(double* address, double value) = delete;
