#pragma once

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "engine/device.hpp"
#include "imaging/degradation.hpp"
#include "imaging/volume.hpp"
#include "imaging/volume_file.hpp"
#include "layers/conv2d_settings.hpp"
#include "tools/interruption.hpp"
#include "tools/option_parser.hpp"

namespace dnsp::tools {

/// Runs a tool: parses the command line, answers --help and --version, calls `body`, prints warnings
/// (base/warning.hpp) to standard error as "tool: file: warning: sentence", and turns an exception into one
/// sentence on standard error, "tool: file: reason", and exit status 1, after an interruption 130. An invalid
/// command line gives exit status 2. Text that standard output or standard error did not take gives exit
/// status 1.
int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

/// The message of an exception as one printable sentence. That of the file system is "path: reason".
std::string message_of(const std::exception& error);

/// The option --axis for tools that have no training settings.
struct SliceAxis {
    int axis = -1;  ///< −1: imaging::default_slice_axis
    void visit(OptionVisitor& visitor) { imaging::visit_slice_axis(visitor, axis); }
    /// Throws FileError for an axis across the only slice.
    int of(const imaging::Volume& volume) const {
        const int chosen = axis >= 0 ? axis : imaging::default_slice_axis(volume);
        imaging::require_slice_axis(volume, chosen);
        return chosen;
    }
};

/// Prints a sentence for the user on standard error.
void print_notice(const std::string& text);

/// Adds the option --type of programs that write volumes.
void add_type_option(CLI::App& app, imaging::IntensityType& type);

/// Adds the option --device.
void add_device_option(CLI::App& app, std::string& device);

/// Call it after the parse. Chooses the device (dnsp::choose_device). Throws Error for a device that is
/// absent, and for an option of CUDA devices if the device is the CPU.
DeviceChoice choose_device(const CLI::App& app, const std::string& device, int process = 0);

/// Call it after the parse: what the command line says of the degradation and the settings do not show.
/// Throws Error if --scale was given to a degradation that keeps the pixels. `--blur-sigma 0` becomes
/// imaging::no_blur_sigma.
void complete_degradation(const CLI::App& app, imaging::DegradationSettings& settings);

/// A command line for records, which a shell understands: words with special characters are quoted.
std::string command_text(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace dnsp::tools
