#pragma once

// Timing on the CUDA device. Benchmarks are registered only if there is one; times in the CUDA emulator mean
// nothing.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "base/workspace.hpp"
#include "benchmarks/cost.hpp"
#include "benchmarks/random_values.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp::benchmarks {

inline bool has_cuda_device() { return simt::device_count() > 0 && !simt::is_emulator(); }

/// Random numbers in device memory. At most a million are generated and then repeated, because the host is
/// slow.
struct DeviceValues : simt::Workspace<float> {
    DeviceValues(std::int64_t count, std::uint64_t stream) : Workspace(count) {
        const std::vector<float> values =
            random_values(std::min<std::int64_t>(count, std::int64_t{1} << 20), stream);
        const auto period = static_cast<std::int64_t>(values.size());
        for (std::int64_t first = 0; first < count; first += period)
            simt::copy_to_device(data() + first, values.data(),
                                 static_cast<std::size_t>(std::min(period, count - first)) * sizeof(float));
    }
};

/// Seconds for `calls` calls without host synchronisation between them.
inline double seconds_for(std::int64_t calls, const std::function<void()>& work) {
    simt::synchronise();
    const auto begin = std::chrono::steady_clock::now();
    for (std::int64_t call = 0; call < calls; ++call) work();
    simt::synchronise();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The first call allocates and chooses algorithms. A run then has as many calls as take some milliseconds.
inline std::int64_t calls_for_a_run(const std::function<void()>& work) {
    work();
    std::int64_t calls = 1;
    while (seconds_for(calls, work) < 4e-3) calls *= 2;
    return calls;
}

/// Bytes read and written per second by a copy in device memory: the limit of memory-bound work.
inline double copy_bandwidth() {
    static const double bandwidth = [] {
        constexpr std::int64_t count = 64 << 20;
        const simt::Workspace<float> from(count), to(count);
        kernels::cuda::fill(count, 1.0f, from.data());
        const auto copy = [&] { simt::copy_on_device(to.data(), from.data(), count * sizeof(float)); };
        const std::int64_t calls = calls_for_a_run(copy);
        return 2.0 * count * sizeof(float) * static_cast<double>(calls) / seconds_for(calls, copy);
    }();
    return bandwidth;
}

/// Reports a missing library, or any other exception, as the benchmark's error.
inline void time_on_device(benchmark::State& state, const Cost& cost, const std::function<void()>& work) {
    try {
        const std::int64_t calls = calls_for_a_run(work);
        double seconds = 0;
        while (state.KeepRunningBatch(calls)) {
            const double run = seconds_for(calls, work);
            state.SetIterationTime(run);
            seconds += run;
        }
        const double rate = static_cast<double>(state.iterations()) / seconds;
        if (cost.flops > 0) state.counters["FLOP/s"] = cost.flops * rate;
        if (cost.bytes > 0) {
            state.counters["B/s"] = cost.bytes * rate;
            state.counters["share_of_copy"] = cost.bytes * rate / copy_bandwidth();
        }
    } catch (const Error& error) {
        state.SkipWithError(error.what());
    }
}

template <class Function>
void register_on_device(const std::string& name, Function&& function) {
    benchmark::RegisterBenchmark(("cuda/" + name).c_str(), function)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
}

}  // namespace dnsp::benchmarks
