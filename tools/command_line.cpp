#include "tools/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <new>

#include "kernels/conv2d/conv2d.hpp"
#include "training/settings.hpp"

namespace dnsp::tools {
namespace {

volatile std::sig_atomic_t interrupt_count = 0;

void on_interrupt(int signal) {
    interrupt_count = interrupt_count + 1;
    if (interrupt_count > 1) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
}

}  // namespace

int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
    app.set_version_flag("--version", app.get_name() + " (DNSP) " DNSP_VERSION);
    app.get_formatter()->column_width(34);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);
        fmt::print(stderr, "{}: {} (--help lists the options)\n", app.get_name(), error.what());
        return 2;
    }
    std::signal(SIGXFSZ, SIG_IGN);  // a file size limit then shows as a write error with a sentence
    try {
        return body();
    } catch (const std::bad_alloc&) {
        fmt::print(stderr, "{}: the machine has not enough memory for this\n", app.get_name());
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", app.get_name(), error.what());
    }
    return 1;
}

void DegradationOptions::add_to(CLI::App& app) {
    app.add_option("--preset", preset,
                   fmt::format("how the low-resolution image comes about: {}",
                               fmt::join(imaging::degradation_presets(), ", ")))
        ->capture_default_str();
    app.add_option("--scale", scale, "2, 3 or 4")->capture_default_str();
    app.add_option("--blur-sigma", blur_sigma,
                   "Gaussian σ in high-resolution pixels, instead of the preset's");
}

imaging::Degradation DegradationOptions::make() const {
    TrainingSettings settings;
    settings.preset = preset;
    settings.scale = scale;
    settings.blur_sigma = blur_sigma;
    return degradation_of(settings);
}

CLI::Option* add_axis_option(CLI::App& app, int& axis) {
    static const std::map<std::string, int> names{{"auto", -1}, {"x", 0}, {"y", 1}, {"z", 2}};
    return app
        .add_option(
            "--axis", axis,
            "storage axis perpendicular to the slices: x, y, z or auto (coarsest voxel side, else axial)")
        ->transform(CLI::CheckedTransformer(names, CLI::ignore_case));
}

void DeviceOptions::add_to(CLI::App& app) {
    app.add_option("--device", device, "auto, cpu, cuda or cuda:N")->capture_default_str();
    app.add_option("--conv", convolution, "convolutions of a CUDA device: ours (default), cudnn or cublas")
        ->check(CLI::IsMember({"ours", "cudnn", "cublas"}));
    app.add_option(
           "--precision", precision,
           "products of a CUDA device's convolutions: float32, tf32 (default) or bfloat16; sums, weights, "
           "losses and priors are float32 or better")
        ->check(CLI::IsMember({"float32", "tf32", "bfloat16"}));
}

DeviceChoice DeviceOptions::choose() const {
    using kernels::Conv2dBackend, kernels::Conv2dPrecision;
    static const std::map<std::string, Conv2dBackend> backends{
        {"ours", Conv2dBackend::ours}, {"cudnn", Conv2dBackend::cudnn}, {"cublas", Conv2dBackend::cublas}};
    static const std::map<std::string, Conv2dPrecision> precisions{{"float32", Conv2dPrecision::float32},
                                                                   {"tf32", Conv2dPrecision::tf32},
                                                                   {"bfloat16", Conv2dPrecision::bfloat16}};
    DeviceChoice choice = choose_device(device);
    if (choice.device.kind == DeviceKind::cuda)
        kernels::cuda::set_conv2d_options(
            {backends.at(convolution.value_or("ours")), precisions.at(precision.value_or("tf32"))});
    else
        require(!convolution && !precision,
                fmt::format("{} is for CUDA devices, but the device is {}",
                            convolution ? "--conv" : "--precision", choice.reason));
    return choice;
}

std::string command_text(int argc, char** argv) {
    std::string text;
    for (int i = 0; i < argc; ++i) text += (i ? " " : "") + std::string(argv[i]);
    return text;
}

void catch_interrupts() {
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);
}

bool interrupted() { return interrupt_count > 0; }

}  // namespace dnsp::tools
