// The engine's side of scripts/bench. Answers requests, one line of JSON each, on standard output:
//   {"do": "prepare", "row": {"kind": …}, "folder": F}  writes F/inputs.safetensors, runs once, writes
//                                                       F/results.safetensors → {"flops": …, "bytes": …}
//   {"do": "time", "runs": N, "together": K}            → {"seconds": [N numbers]}; each is the mean of K
//                                                       runs without synchronisation between them
//   {"do": "memory"}                                    one more run → {"bytes": peak growth since the start,
//                                                       or on a CUDA device all memory that the row holds}
//   {"do": "release"}                                   releases the row → {}
//   {"do": "machine"}                                   → {"device": …, "threads": …, "precision": …}
// Errors are {"error": sentence}. The first argument is the device, the second the precision of the
// convolutions (default float32), which the device must support.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/device/runtime.hpp"
#include "benchmarks/rows/row.hpp"
#include "layers/conv2d_settings.hpp"

namespace {

using namespace dnsp;
using benchmarks::Parameters, benchmarks::Row;

double seconds_of(Row& row, Device device, int together) {
    const auto begin = std::chrono::steady_clock::now();
    for (int run = 0; run < together; ++run) row.run();
    if (device.kind == DeviceKind::cuda) simt::synchronise();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / together;
}

/// Resident bytes of this process: now ("VmRSS"), or the peak since the last reset ("VmHWM").
std::int64_t resident_bytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(field)) return std::stoll(line.substr(field.size() + 1)) * 1024;
    return 0;
}

const std::int64_t bytes_at_start = resident_bytes("VmRSS:");

Parameters answer(const Parameters& request, Device device, std::unique_ptr<Row>& row) {
    const auto what = request.at("do").get<std::string>();
    if (what == "machine")
        return {{"device",
                 device.kind == DeviceKind::cpu ? to_string(device) : simt::device_description(device.index)},
                {"threads", cpu_threads()},
                {"precision", conv2d_settings_in_force(device).precision}};
    if (what == "prepare" || what == "release") {
        row.reset();
        release_cached_memory(device);
        if (what == "release") return Parameters::object();
        row = benchmarks::make_row(request.at("row"), device);
        const std::filesystem::path folder = request.at("folder").get<std::string>();
        write_safetensors(folder / "inputs.safetensors", row->inputs());
        row->run();
        write_safetensors(folder / "results.safetensors", row->results());
        return {{"flops", row->cost().flops}, {"bytes", row->cost().bytes}};
    }
    require(row != nullptr, "[benchmark] prepare a row first");
    if (what == "time") {
        Parameters seconds = Parameters::array();
        for (int run = request.at("runs").get<int>(); run > 0; --run)
            seconds.push_back(seconds_of(*row, device, request.value("together", 1)));
        return {{"seconds", seconds}};
    }
    require(what == "memory", "[benchmark] unknown request: " + what);
    if (device.kind == DeviceKind::cuda) {
        forget_peak_memory(device);
        row->run();
        simt::synchronise();
        // A graph's blocks count as in use only while it is captured, but nothing else can use them.
        const ArenaStatistics now = arena_statistics(device);
        return {{"bytes", std::max(now.peak_bytes_in_use, now.bytes_held - now.bytes_cached)}};
    }
    std::ofstream("/proc/self/clear_refs") << 5;  // resets the peak
    row->run();
    return {{"bytes", resident_bytes("VmHWM:") - bytes_at_start}};
}

}  // namespace

int main(int argc, char** argv) try {
    const Device device = choose_device(argc > 1 ? argv[1] : "cpu").device;
    if (device.kind == DeviceKind::cuda) {
        // The processes of all precisions, and PyTorch's, share the device.
        set_memory_limit(device, available_memory(device) / 2);
    }
    const std::string precision = argc > 2 ? argv[2] : "float32";
    const Conv2dSettings settings = apply({.precision = precision, .backend = "native"}, device);
    require(settings.precision == precision, "the device " + to_string(device) + " computes in " +
                                                 settings.precision + ", not in " + precision);
    std::unique_ptr<Row> row;
    for (std::string line; std::getline(std::cin, line);) {
        Parameters reply;
        try {
            reply = answer(Parameters::parse(line), device, row);
        } catch (const std::exception& error) {
            reply = {{"error", error.what()}};
        }
        std::cout << reply.dump() << std::endl;
    }
} catch (const std::exception& error) {
    std::cerr << "benchmark_rows: " << error.what() << '\n';
    return 1;
}
