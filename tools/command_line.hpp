#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "engine/device.hpp"
#include "imaging/degradation.hpp"

namespace dnsp::tools {

/// The frame of every tool: parses the command line, answers --help and --version, runs `body` and turns any
/// exception into one sentence on standard error, "tool: file: reason", and exit status 1 (2 for a wrong
/// command line).
int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

/// The degradation as options: --preset, --scale, --blur-sigma.
struct DegradationOptions {
    std::string preset = "gaussian";
    int scale = 2;
    double blur_sigma = 0.0;
    void add_to(CLI::App& app);
    imaging::Degradation make() const;
};

/// --axis x|y|z|auto by storage axis, as 0, 1, 2, −1.
CLI::Option* add_axis_option(CLI::App& app, int& axis);

/// Where and how to compute: --device, and for a CUDA device --conv and --precision.
struct DeviceOptions {
    std::string device = "auto";
    std::optional<std::string> convolution;  ///< "ours", "cudnn" or "cublas"
    std::optional<std::string> precision;    ///< "float32", "tf32" or "bfloat16"
    void add_to(CLI::App& app);
    /// Chooses the device and tells it how to convolve.
    DeviceChoice choose() const;
};

/// The command line as the user typed it, for records.
std::string command_text(int argc, char** argv);

/// True once SIGINT or SIGTERM has come; a second one ends the program at once.
void catch_interrupts();
bool interrupted();

}  // namespace dnsp::tools
