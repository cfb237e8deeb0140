#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/adam.hpp"
#include "inference/seen_scans.hpp"
#include "inference/weights_file.hpp"
#include "training/data_record.hpp"
#include "training/settings.hpp"

// Writes weights files and checkpoints (inference/weights_file.hpp describes them), and reads checkpoints.
namespace dnsp {

/// The file of a run's folder from which it resumes.
inline constexpr const char* checkpoint_name = "checkpoint.safetensors";

/// The run that wrote a file.
struct RunDescription {
    TrainingSettings settings;
    std::vector<HeldOut> held_out;
    std::string command;
    SeenScans seen = {};
    DataRecord data = {};  ///< of a checkpoint; empty in weights and in checkpoints of older versions
};

/// Omits folders, the command line and the content of files, because they may reveal who trained on which
/// data.
void save_weights(const std::filesystem::path& path, const RunDescription& run, const ParameterStore& store);

/// The state of a run between two steps.
struct RunState {
    /// Optimiser steps since the first epoch. It determines the counters of the random numbers.
    std::int64_t step = 0;
};

/// `filter_reference_norms` is empty if the variant learns no filters.
void save_checkpoint(const std::filesystem::path& path, const RunDescription& run,
                     const ParameterStore& store, const Adam& adam,
                     const std::vector<double>& filter_reference_norms, const RunState& state);

/// The description in a weights file or a checkpoint. Throws Error("path: reason") for a file that cannot be
/// read and for an unknown setting.
RunDescription read_run_description(const std::filesystem::path& path);

/// As read_run_description(), of a checkpoint. The error for a file that holds weights only names the
/// checkpoint beside it if there is one.
RunDescription read_checkpoint_description(const std::filesystem::path& path);

struct RestoredState {
    RunState state;
    std::vector<double> filter_reference_norms;
};

/// Copies the tensors of a checkpoint into the store and the optimiser. Precondition: they were made with the
/// settings of the checkpoint. Throws Error("path: reason") for a weights file and for tensors of other
/// names, shapes or types.
RestoredState load_checkpoint(const std::filesystem::path& path, ParameterStore& store, Adam& adam);

}  // namespace dnsp
