#pragma once

// Lets one test case run a kernel on every device: the device under test, guarded buffers in its memory, the
// selection of its function, and the thread orders of the CUDA emulator.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "kernels/kernel.hpp"
#include "tests/catch.hpp"
#include "tests/simt/orders.hpp"

namespace dnsp::testing {

enum class On { cpu, cuda };

/// The device under test if DNSP_TEST_DEVICE is not set (tests/CMakeLists.txt).
#ifndef DNSP_DEFAULT_TEST_DEVICE
#define DNSP_DEFAULT_TEST_DEVICE "cpu"
#endif

/// The device under test: DNSP_TEST_DEVICE (cpu, cuda) or the program's default. Throws Error if the CUDA
/// device is unavailable.
inline On device_under_test() {
    static const On device = [] {
        const char* chosen = std::getenv("DNSP_TEST_DEVICE");
        const std::string name = chosen ? chosen : DNSP_DEFAULT_TEST_DEVICE;
        require(name == "cpu" || name == "cuda", "[test] unknown device " + name);
        require(name == "cpu" || simt::device_count() > 0,
                "[test] no CUDA device: " + simt::unavailable_reason());
        return name == "cpu" ? On::cpu : On::cuda;
    }();
    return device;
}

/// Runs a check on the device under test; on the CUDA device in all thread orders.
inline void on_device(const std::function<void(On)>& check) {
    if (device_under_test() == On::cpu) return check(On::cpu);
    for_each_thread_order([&] { check(On::cuda); });
}

/// An array in device memory between two guard regions. An output starts as NaN, so that unwritten elements
/// and writes out of bounds show.
template <class T>
class Buffer {
  public:
    Buffer(On where, std::int64_t count)
        : Buffer(where, std::vector<T>(static_cast<std::size_t>(count), unwritten())) {}
    Buffer(On where, const std::vector<T>& values) : where_(where), count_(values.size()) {
        std::vector<T> memory(fence, sentinel());
        memory.insert(memory.end(), values.begin(), values.end());
        memory.insert(memory.end(), fence, sentinel());
        if (where_ == On::cpu) {
            host_ = std::move(memory);
        } else {
            device_ = static_cast<T*>(simt::allocate(memory.size() * sizeof(T)));
            REQUIRE(device_ != nullptr);
            simt::copy_to_device(device_, memory.data(), memory.size() * sizeof(T));
        }
    }
    ~Buffer() {
        if (device_) simt::release(device_);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    T* data() { return (where_ == On::cpu ? host_.data() : device_) + fence; }
    std::vector<T> values() const {
        const std::vector<T> all = memory();
        std::vector<T> inside(count_);
        std::copy_n(all.begin() + fence, count_, inside.begin());
        return inside;
    }
    bool fences_intact() const {
        const std::vector<T> all = memory();
        const auto intact = [](T value) { return value == sentinel(); };
        return std::all_of(all.begin(), all.begin() + fence, intact) &&
               std::all_of(all.end() - fence, all.end(), intact);
    }

  private:
    static constexpr std::ptrdiff_t fence = 64;
    static T sentinel() { return static_cast<T>(-12345.0); }
    static T unwritten() {
        if constexpr (std::is_integral_v<T>)
            return T(77);
        else
            return static_cast<T>(std::numeric_limits<float>::quiet_NaN());
    }
    std::vector<T> memory() const {
        if (where_ == On::cpu) return host_;
        std::vector<T> all(count_ + 2 * fence);
        simt::copy_to_host(all.data(), device_, all.size() * sizeof(T));
        return all;
    }

    On where_;
    std::size_t count_;
    std::vector<T> host_;
    T* device_ = nullptr;
};

/// The property of a kernel that a test checks.
enum class Checks { results, determinism };

/// "name<float>" of every kernel that tests of this program call through the macros below, on both devices.
inline std::set<std::string>& tested_kernels(Checks checks) {
    static std::set<std::string> names[2];
    return names[static_cast<int>(checks)];
}

template <std::size_t N>
struct Name {
    char text[N];
    constexpr Name(const char (&literal)[N]) { std::copy_n(literal, N, text); }
};

template <class T>
constexpr const char* type_suffix = "";
template <>
inline constexpr const char* type_suffix<float> = "<float>";
template <>
inline constexpr const char* type_suffix<double> = "<double>";

template <Name name, class T, Checks checks>
struct Tested {
    static inline const bool registered =
        tested_kernels(checks).insert(std::string(name.text) + type_suffix<T>).second;
};

template <Name name, class T, Checks checks = Checks::results, class... Arguments>
auto choose(On where, void (*on_cpu)(Arguments...), std::type_identity_t<void (*)(Arguments...)> on_cuda) {
    (void)&Tested<name, T, checks>::registered;
    return where == On::cpu ? on_cpu : on_cuda;
}

/// The function of a device, without registering a test: for kernels of images in bfloat16.
template <class... Arguments>
auto function_of(On where, void (*on_cpu)(Arguments...),
                 std::type_identity_t<void (*)(Arguments...)> on_cuda) {
    return where == On::cpu ? on_cpu : on_cuda;
}
#define DNSP_STORED(where, ...) ::dnsp::testing::function_of(where, DNSP_KERNELS_OF_DEVICES(__VA_ARGS__))

/// DNSP_KERNEL(where, conv2d_forward, T)(arguments…) calls kernels::cpu:: or
/// kernels::cuda::conv2d_forward<T>.
#define DNSP_KERNEL(where, name, T) ::dnsp::testing::choose<#name, T>(where, DNSP_KERNELS_OF_DEVICES(name<T>))
/// The same for a kernel that is not a template.
#define DNSP_PLAIN_KERNEL(where, name) \
    ::dnsp::testing::choose<#name, void>(where, DNSP_KERNELS_OF_DEVICES(name))

}  // namespace dnsp::testing
