#include "layers/conv2d_settings.hpp"

#include <map>

#include "kernels/conv2d/conv2d.hpp"

namespace dnsp {
namespace {

using kernels::Conv2dBackend, kernels::Conv2dPrecision;

const std::map<std::string, Conv2dBackend> backends{
    {"native", Conv2dBackend::native}, {"cudnn", Conv2dBackend::cudnn}, {"cublas", Conv2dBackend::cublas}};
const std::map<std::string, Conv2dPrecision> precisions{{"float32", Conv2dPrecision::float32},
                                                        {"tf32", Conv2dPrecision::tf32},
                                                        {"bfloat16", Conv2dPrecision::bfloat16}};

template <class Value>
void set(Value& value, const std::string& name, const std::map<std::string, Value>& names) {
    if (name.empty()) return;
    const auto found = names.find(name);
    require(found != names.end(), "[conv2d] unknown setting '" + name + "'");
    value = found->second;
}

template <class Value>
std::string name_of(Value value, const std::map<std::string, Value>& names) {
    for (const auto& [name, named] : names)
        if (named == value) return name;
    return "";
}

Conv2dSettings named(const kernels::Conv2dOptions& options) {
    return {name_of(options.precision, precisions), name_of(options.backend, backends)};
}

kernels::Conv2dOptions of_cpu(Conv2dPrecision precision) { return {Conv2dBackend::native, precision}; }

}  // namespace

void Conv2dSettings::visit(OptionVisitor& v) {
    v.option({.key = "convolution",
              .flag = "--conv",
              .help = "convolutions on a CUDA device: built-in kernels (native, default), cudnn or cublas",
              .choices = {"native", "cudnn", "cublas"},
              .aliases = {{"ours", "native"}}},
             backend);
    v.option(
        {.key = "precision",
         .flag = "--precision",
         .help =
             "multiplication precision of convolutions: float32 (default on the CPU), tf32 (default "
             "on a CUDA device, only there) or bfloat16 (on the CPU with AMX, or with AVX512_BF16 of AMD); sums, "
             "weights, losses and priors are float32 or better",
         .choices = {"float32", "tf32", "bfloat16"}},
        precision);
}

Conv2dSettings apply(const Conv2dSettings& settings, Device device) {
    if (device.kind == DeviceKind::cuda) {
        kernels::Conv2dOptions options;
        set(options.backend, settings.backend, backends);
        set(options.precision, settings.precision, precisions);
        kernels::cuda::set_conv2d_options(options);
    } else {
        Conv2dPrecision precision = Conv2dPrecision::float32;
        set(precision, settings.precision, precisions);
        const bool in_bfloat16 = precision == Conv2dPrecision::bfloat16 && cpu_has_bfloat16();
        kernels::cpu::set_conv2d_precision(in_bfloat16 ? precision : Conv2dPrecision::float32);
    }
    return conv2d_settings_in_force(device);
}

bool cpu_has_bfloat16() { return kernels::cpu::conv2d_has_bfloat16(); }

Conv2dSettings default_conv2d_settings(DeviceKind kind) {
    return named(kind == DeviceKind::cpu ? of_cpu(Conv2dPrecision::float32) : kernels::Conv2dOptions{});
}

Conv2dSettings conv2d_settings_in_force(Device device) {
    return named(device.kind == DeviceKind::cpu ? of_cpu(kernels::cpu::conv2d_precision())
                                                : kernels::cuda::conv2d_options());
}

}  // namespace dnsp
