#include "training/initial_network.hpp"

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "inference/shipped_weights.hpp"
#include "inference/trained_network.hpp"
#include "training/pytorch_edsr.hpp"

namespace dnsp {
namespace {

constexpr const char* filters_name = "filters";

}  // namespace

InitialNetwork read_initial_network(const std::filesystem::path& path, const ModelOptions& wanted,
                                    const std::function<bool(const std::string& flag)>& given) {
    if (TensorFile file = read_safetensors(path); is_pytorch_edsr(file))
        return read_pytorch_edsr(path, std::move(file), wanted, given);
    const TrainedNetwork network = load_network(path, {});
    InitialNetwork initial{.model = network.model->options(),
                           .description = "trained for " + purpose(network.degradation),
                           .path = path,
                           .sha256 = sha256_of(path)};
    for (const auto& p : network.store->parameters()) initial.tensors[p.name] = p.value;
    WeightsFile file(path);
    if (const Tensor* filters = file.find(filters_name)) initial.tensors[filters_name] = *filters;
    return initial;
}

void copy_parameters(const InitialNetwork& initial, const ParameterStore& store) {
    for (const auto& p : store.parameters()) {
        const auto found = initial.tensors.find(p.name);
        if (found == initial.tensors.end()) continue;
        const Tensor& source = found->second;
        require(source.shape() == p.shape && source.dtype() == DType::float32,
                fmt::format("{}: tensor '{}' expected float32 {}, got {} {}", initial.path.string(), p.name,
                            p.shape.text(), to_string(source.dtype()), source.shape().text()));
        p.value.copy_from(source);
    }
}

}  // namespace dnsp
