#include "training/checkpoint.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace dnsp {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::map<std::string, std::string> describe(const RunDescription& run, const std::string& kind) {
    json held_out = json::array();
    for (const HeldOut& h : run.held_out) held_out.push_back({{"file", h.file}, {"slices", h.slices}});
    return {{"dnsp.kind", kind},
            {"dnsp.version", DNSP_VERSION},
            {"dnsp.settings", json_text(to_json(run.settings))},
            {"dnsp.degradation", json_text(json(imaging::describe(run.settings.degradation.make())))},
            {"dnsp.normalisation", run.settings.pairs.empty() ? normalisation_text : pair_normalisation_text},
            {"dnsp.held_out", json_text(held_out)},
            {"dnsp.seen", json_text(to_json(run.seen))},
            {"dnsp.command", run.command}};
}

/// The last part of a path; also of a folder that ends in "/".
std::string file_name_of(const fs::path& path) {
    return (path.has_filename() ? path : path.parent_path()).filename().string();
}

RunDescription without_paths(RunDescription run) {
    for (auto* paths : {&run.settings.inputs, &run.settings.validation, &run.settings.pairs,
                        &run.settings.validation_pairs})
        for (std::string& path : *paths) path = file_name_of(path);
    run.command.clear();
    return run;
}

RunDescription description_of(const WeightsFile& file) {
    RunDescription run;
    file.read(file.settings(), run.settings);
    run.held_out = file.held_out();
    run.command = file.metadata("dnsp.command");
    return run;
}

/// dnsp.data; empty if the file has none.
DataRecord data_of(const WeightsFile& file, const fs::path& path) {
    const std::string* text = file.find_metadata("dnsp.data");
    if (text == nullptr) return {};
    try {
        return data_record_of(json::parse(*text));
    } catch (const json::exception& error) {
        throw Error(fmt::format("{}: its metadata cannot be understood ({})", path.string(), error.what()));
    }
}

/// Throws Error unless the file is a checkpoint.
void require_checkpoint(const WeightsFile& file, const fs::path& path) {
    if (file.is_checkpoint()) return;
    const fs::path beside = path.parent_path() / checkpoint_name;
    throw Error(fs::exists(beside)
                    ? fmt::format("{}: holds weights only; resume from {}", path.string(), beside.string())
                    : path.string() + ": holds weights only; a run resumes from its " + checkpoint_name +
                          ". --init starts a new run from weights");
}

}  // namespace

void save_weights(const fs::path& path, const RunDescription& run, const ParameterStore& store) {
    TensorFile file;
    file.metadata = describe(without_paths(run), "weights");
    for (const auto& p : store.parameters())
        if (p.group != ParameterGroup::filters) file.tensors[tensor_name(p)] = p.value;
    write_safetensors(path, file);
}

void save_checkpoint(const fs::path& path, const RunDescription& run, const ParameterStore& store,
                     const Adam& adam, const std::vector<double>& filter_reference_norms,
                     const RunState& state) {
    TensorFile file;
    file.metadata = describe(run, "checkpoint");
    file.metadata["dnsp.data"] = json_text(to_json(run.data));
    file.metadata["dnsp.step"] = std::to_string(state.step);
    file.metadata["dnsp.adam_steps"] = std::to_string(adam.steps_taken());
    for (const auto& p : store.parameters()) {
        file.tensors[tensor_name(p)] = p.value;
        if (!is_trained(p.group)) continue;
        file.tensors[first_moment_name(p.name)] = adam.first_moment(p);
        file.tensors[second_moment_name(p.name)] = adam.second_moment(p);
    }
    if (!filter_reference_norms.empty())
        file.tensors[reference_norms_name] = Tensor::from<double>(
            {static_cast<std::int64_t>(filter_reference_norms.size())}, filter_reference_norms);
    write_safetensors(path, file);
}

RunDescription read_run_description(const fs::path& path) { return description_of(WeightsFile(path)); }

RunDescription read_checkpoint_description(const fs::path& path) {
    const WeightsFile file(path);
    require_checkpoint(file, path);
    RunDescription run = description_of(file);
    run.data = data_of(file, path);
    return run;
}

RestoredState load_checkpoint(const fs::path& path, ParameterStore& store, Adam& adam) {
    WeightsFile file(path);
    require_checkpoint(file, path);
    for (const auto& p : store.parameters()) {
        file.restore(tensor_name(p), p.value);
        if (!is_trained(p.group)) continue;
        file.restore(first_moment_name(p.name), adam.first_moment(p));
        file.restore(second_moment_name(p.name), adam.second_moment(p));
    }
    RestoredState restored;
    if (const Tensor* norms = file.find(reference_norms_name))
        restored.filter_reference_norms = norms->to_vector<double>();
    file.require_no_other_tensors();
    try {
        restored.state.step = std::stoll(file.metadata("dnsp.step"));
        adam.set_steps_taken(std::stoll(file.metadata("dnsp.adam_steps")));
    } catch (const std::logic_error&) {
        throw Error(path.string() + ": its metadata holds no number of steps");
    }
    return restored;
}

}  // namespace dnsp
