#pragma once

// Repeated calls must give bitwise identical results: on the CPU with one to four threads, on the CUDA device
// in all thread orders.
#include <omp.h>

#include <functional>

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

/// Like DNSP_KERNEL and DNSP_PLAIN_KERNEL, and also registers a determinism test (test_coverage.cpp).
#define DNSP_DETERMINISTIC_KERNEL(where, name, T)                            \
    ::dnsp::testing::choose<#name, T, ::dnsp::testing::Checks::determinism>( \
        where, DNSP_KERNELS_OF_DEVICES(name<T>))
#define DNSP_DETERMINISTIC_PLAIN_KERNEL(where, name)                            \
    ::dnsp::testing::choose<#name, void, ::dnsp::testing::Checks::determinism>( \
        where, DNSP_KERNELS_OF_DEVICES(name))

namespace dnsp::testing {

enum class Threads { any_number, same_number };

template <class T>
using Run = std::function<void(T* output)>;

/// `output` starts as zeros.
template <class T>
std::vector<T> run_once(On where, std::int64_t count, const Run<T>& run) {
    Buffer<T> output(where, std::vector<T>(static_cast<std::size_t>(count), T(0)));
    run(output.data());
    CHECK(output.fences_intact());
    return output.values();
}

template <class T>
void check_same_bits_on_cpu(std::int64_t count, Threads threads, const Run<T>& run) {
    const auto with_threads = [&](int number) {
        const int before = omp_get_max_threads();
        omp_set_num_threads(number);
        const auto output = run_once(On::cpu, count, run);
        omp_set_num_threads(before);
        return output;
    };
    const auto one = with_threads(1);
    CHECK(reference::norm(one) > 0);
    for (const int number : {1, 2, 3, 4}) {
        INFO(number << " threads");
        const auto output = with_threads(number);
        CHECK(reference::same_bits(output, threads == Threads::any_number ? one : with_threads(number)));
    }
}

template <class T>
void check_same_bits_on_cuda(std::int64_t count, const Run<T>& run) {
    const auto first = run_once(On::cuda, count, run);
    CHECK(reference::norm(first) > 0);
    for_each_thread_order([&] { CHECK(reference::same_bits(first, run_once(On::cuda, count, run))); });
}

/// `run` writes `count` elements of type T to its argument through DNSP_DETERMINISTIC_KERNEL.
template <class T>
void check_same_bits(On where, const char* name, std::int64_t count, const Run<T>& run,
                     Threads threads = Threads::any_number) {
    INFO(name << (sizeof(T) == 4 ? ", float32" : ", float64"));
    if (where == On::cpu)
        check_same_bits_on_cpu(count, threads, run);
    else
        check_same_bits_on_cuda(count, run);
}

}  // namespace dnsp::testing
