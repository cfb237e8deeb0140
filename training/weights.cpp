#include "training/weights.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/atomic_file.hpp"
#include "base/options_json.hpp"

namespace dnsp {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string model_prefix = "model.";
const std::string first_moment_prefix = "adam.m.";
const std::string second_moment_prefix = "adam.v.";
const std::string reference_norms_name = "filters.reference_norms";

/// "model.head.weight", but "filters" as it is.
std::string tensor_name(const ParameterStore::Parameter& p) {
    return p.group == ParameterGroup::filters ? p.name : model_prefix + p.name;
}

json to_json(const std::vector<HeldOut>& held_out) {
    json out = json::array();
    for (const HeldOut& h : held_out) out.push_back({{"file", h.file}, {"slices", h.slices}});
    return out;
}

std::map<std::string, std::string> describe(const RunDescription& run, const std::string& kind) {
    return {{"dnsp.kind", kind},
            {"dnsp.version", DNSP_VERSION},
            {"dnsp.settings", to_json(run.settings).dump()},
            {"dnsp.degradation", json(imaging::describe(run.settings.degradation.make())).dump()},
            {"dnsp.normalisation", normalisation_text},
            {"dnsp.held_out", to_json(run.held_out).dump()},
            {"dnsp.command", run.command}};
}

/// Weights are given away: file names may stay in them, a person's folders may not.
RunDescription without_paths(RunDescription run) {
    for (auto* paths : {&run.settings.inputs, &run.settings.validation})
        for (std::string& path : *paths) path = fs::path(path).filename().string();
    run.command.clear();
    return run;
}

RunDescription parse_description(const fs::path& path, const TensorFile& file) {
    const auto kind = file.metadata.find("dnsp.kind");
    require(
        kind != file.metadata.end() && (kind->second == "weights" || kind->second == "checkpoint"),
        path.string() + ": is a safetensors file, but not of this project (no dnsp.kind in its metadata)");
    RunDescription run;
    std::string unknown;
    try {
        const json settings = json::parse(file.metadata.at("dnsp.settings"));
        require(settings.contains("model"), "lacks the model");
        OptionReader reader(settings);
        run.settings.visit(reader);
        unknown = reader.unknown_key();
        for (const json& h : json::parse(file.metadata.at("dnsp.held_out")))
            run.held_out.push_back({h.at("file"), h.at("slices")});
        run.command = file.metadata.at("dnsp.command");
    } catch (const std::exception& error) {
        throw Error(path.string() + ": its metadata cannot be understood (" + error.what() + ")");
    }
    require(unknown.empty(),
            fmt::format("{}: unknown setting '{}' (written by DNSP {}, this is DNSP {})", path.string(),
                        unknown, file.metadata.at("dnsp.version"), DNSP_VERSION));
    return run;
}

/// Copies a named tensor into `target`, checking shape, type and finiteness.
void restore(const fs::path& path, const TensorFile& file, const std::string& name, const Tensor& target) {
    const auto found = file.tensors.find(name);
    require(found != file.tensors.end(), fmt::format("{}: lacks the tensor '{}'", path.string(), name));
    const Tensor& source = found->second;
    require(source.shape() == target.shape() && source.dtype() == target.dtype(),
            fmt::format("{}: tensor '{}' expected {} {}, got {} {}", path.string(), name,
                        to_string(target.dtype()), target.shape().text(), to_string(source.dtype()),
                        source.shape().text()));
    dispatch(source.dtype(), [&]<class T>() {
        for (T value : source.to_vector<T>())
            require(std::isfinite(value),
                    fmt::format("{}: tensor '{}' holds NaN or Inf", path.string(), name));
    });
    target.copy_from(source);
}

void refuse_unknown(const fs::path& path, const TensorFile& file, const std::set<std::string>& known) {
    for (const auto& [name, tensor] : file.tensors)
        require(known.contains(name), fmt::format("{}: holds the unknown tensor '{}'", path.string(), name));
}

}  // namespace

void write_safetensors_atomically(const fs::path& path, const TensorFile& file) {
    AtomicFile out(path);
    out.write(serialise_safetensors(file));
    out.commit();
}

TrainedNetwork load_network(const fs::path& path, Device device) {
    const TensorFile file = read_safetensors(path);
    TrainedNetwork network;
    network.run = parse_description(path, file);
    network.degradation = network.run.settings.degradation.make();
    network.store = std::make_unique<ParameterStore>();
    network.model = make_model(network.run.settings.model, *network.store);
    network.store->allocate(DType::float32, device, 0);
    std::set<std::string> known;
    for (const auto& p : network.store->parameters()) {
        restore(path, file, tensor_name(p), p.value);
        known.insert(tensor_name(p));
        if (is_trained(p.group)) known.insert({first_moment_prefix + p.name, second_moment_prefix + p.name});
    }
    if (file.metadata.at("dnsp.kind") == "checkpoint")
        known.insert({"filters", first_moment_prefix + "filters", second_moment_prefix + "filters",
                      reference_norms_name});
    refuse_unknown(path, file, known);
    return network;
}

void save_weights(const fs::path& path, const RunDescription& run, const ParameterStore& store) {
    TensorFile file;
    file.metadata = describe(without_paths(run), "weights");
    for (const auto& p : store.parameters())
        if (p.group != ParameterGroup::filters) file.tensors[tensor_name(p)] = p.value;
    write_safetensors_atomically(path, file);
}

void save_checkpoint(const fs::path& path, const RunDescription& run, const ParameterStore& store,
                     const Adam& adam, const std::vector<double>& filter_reference_norms,
                     const RunState& state) {
    TensorFile file;
    file.metadata = describe(run, "checkpoint");
    file.metadata["dnsp.step"] = std::to_string(state.step);
    file.metadata["dnsp.adam_steps"] = std::to_string(adam.steps_taken());
    for (const auto& p : store.parameters()) {
        file.tensors[tensor_name(p)] = p.value;
        if (!is_trained(p.group)) continue;
        file.tensors[first_moment_prefix + p.name] = adam.first_moment(p);
        file.tensors[second_moment_prefix + p.name] = adam.second_moment(p);
    }
    if (!filter_reference_norms.empty())
        file.tensors[reference_norms_name] = Tensor::from<double>(
            {static_cast<std::int64_t>(filter_reference_norms.size())}, filter_reference_norms);
    write_safetensors_atomically(path, file);
}

RunDescription read_run_description(const fs::path& path) {
    return parse_description(path, read_safetensors(path));
}

RestoredState load_checkpoint(const fs::path& path, ParameterStore& store, Adam& adam) {
    const TensorFile file = read_safetensors(path);
    parse_description(path, file);
    require(file.metadata.at("dnsp.kind") == "checkpoint",
            path.string() + ": holds weights only; a run resumes from a checkpoint");
    std::set<std::string> known;
    for (const auto& p : store.parameters()) {
        const auto restore_as = [&](const std::string& name, const Tensor& target) {
            restore(path, file, name, target);
            known.insert(name);
        };
        restore_as(tensor_name(p), p.value);
        if (!is_trained(p.group)) continue;
        restore_as(first_moment_prefix + p.name, adam.first_moment(p));
        restore_as(second_moment_prefix + p.name, adam.second_moment(p));
    }
    RestoredState restored;
    if (const auto norms = file.tensors.find(reference_norms_name); norms != file.tensors.end()) {
        restored.filter_reference_norms = norms->second.to_vector<double>();
        known.insert(reference_norms_name);
    }
    refuse_unknown(path, file, known);
    try {
        restored.state.step = std::stoll(file.metadata.at("dnsp.step"));
        adam.set_steps_taken(std::stoll(file.metadata.at("dnsp.adam_steps")));
    } catch (const std::exception&) {
        throw Error(path.string() + ": its metadata lacks the step number");
    }
    return restored;
}

}  // namespace dnsp
