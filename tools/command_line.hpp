#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

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

/// --device auto|cpu|cuda|cuda:N
CLI::Option* add_device_option(CLI::App& app, std::string& device);

/// The command line as the user typed it, for records.
std::string command_text(int argc, char** argv);

/// True once SIGINT or SIGTERM has come; a second one ends the program at once.
void catch_interrupts();
bool interrupted();

}  // namespace dnsp::tools
