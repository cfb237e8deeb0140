#include "tools/command_line.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <new>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/warning.hpp"
#include "layers/conv2d_settings.hpp"
#include "tools/standard_streams.hpp"

namespace dnsp::tools {
namespace {

int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
    app.set_version_flag("--version", app.get_name() + " (DNSP) " DNSP_VERSION);
    app.get_formatter()->column_width(34);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);
        fmt::print(stderr, "{}: {} (--help lists the options)\n", app.get_name(), printable(error.what()));
        return 2;
    }
    std::signal(SIGXFSZ, SIG_IGN);  // exceeding the file size limit is then reported as a write error
    set_warning_handler([name = app.get_name()](const std::string& subject, const std::string& text) {
        fmt::print(stderr, "{}: {}: warning: {}\n", name, printable(subject), printable(text));
    });
    return body();
}

}  // namespace

int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
    guard_standard_streams();
    prepare_for_early_end(app.get_name());
    int status = 1;
    try {
        status = parse_and_run(app, argc, argv, body);
    } catch (const std::exception& error) {
        const std::string reason = message_of(error);
        const bool says_so = !interrupted() || reason.find("interrupted") != std::string::npos;
        fmt::print(stderr, "{}: {}\n", app.get_name(), says_so ? reason : "interrupted");
        status = interrupted() ? 130 : 1;
    }
    const std::string lost = lost_text();
    if (!lost.empty()) fmt::print(stderr, "{}: {}\n", app.get_name(), lost);
    return lost.empty() || status != 0 ? status : 1;
}

std::string message_of(const std::exception& error) {
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return "out of memory";
    const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error);
    if (file == nullptr) return printable(error.what());
    const auto& path = file->path1().empty() ? file->path2() : file->path1();
    return printable(path.string()) + (path.empty() ? "" : ": ") + file->code().message();
}

void print_notice(const std::string& text) { fmt::print(stderr, "{}\n", printable(text)); }

void add_type_option(CLI::App& app, imaging::IntensityType& type) {
    app.add_option("--type", type,
                   "type of stored intensities: keep (that of the input, with another slope or type where "
                   "intensities do not fit or rounding is coarse), int16 or float32")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, imaging::IntensityType>{{"keep", imaging::IntensityType::keep},
                                                          {"int16", imaging::IntensityType::int16},
                                                          {"float32", imaging::IntensityType::float32}}))
        ->type_name("keep|int16|float32")
        ->default_str("keep");
}

void add_device_option(CLI::App& app, std::string& device) {
    app.add_option("--device", device, "auto (a GPU if there is one), cpu, cuda or cuda:N")
        ->capture_default_str();
}

DeviceChoice choose_device(const CLI::App& app, const std::string& device, int process) {
    DeviceChoice choice = dnsp::choose_device(device, process);
    if (choice.device.kind == DeviceKind::cuda) return choice;
    require(app.count("--conv") == 0,
            fmt::format("--conv is for CUDA devices, but the device is {}", choice.reason));
    if (app.count("--precision") == 0) return choice;
    const auto precision = app.get_option("--precision")->as<std::string>();
    require(precision != "tf32",
            fmt::format("--precision tf32 is for CUDA devices, but the device is {}", choice.reason));
    if (precision == "bfloat16" && !cpu_has_bfloat16())
        print_notice(
            "--precision bfloat16: this processor has no fast products in bfloat16 (AMX, or AVX512_BF16 of "
            "AMD), so convolutions multiply in float32");
    return choice;
}

void complete_degradation(const CLI::App& app, imaging::DegradationSettings& settings) {
    if (app.count("--scale") > 0 && app.get_option("--scale")->as<int>() != settings.scale)
        throw Error(fmt::format(
            "--scale {} has no effect: {} keeps the pixels", app.get_option("--scale")->as<int>(),
            settings.direction == imaging::Direction::through_plane ? "--direction through-plane"
                                                                    : "--preset " + settings.preset));
    if (app.count("--blur-sigma") > 0 && settings.blur_sigma == NumberOrRange{})
        settings.blur_sigma = imaging::no_blur_sigma;
}

std::string command_text(const std::string& program, const std::vector<std::string>& arguments) {
    std::string text = program;
    for (const std::string& word : arguments) {
        if (!word.empty() && word.find_first_of(" \t\n'\"\\$`*?[]{}()<>|&;!#~") == std::string::npos) {
            text += " " + word;
            continue;
        }
        text += " '";
        for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
        text += "'";
    }
    return text;
}

}  // namespace dnsp::tools
