#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/adam.hpp"
#include "inference/weights_file.hpp"
#include "training/settings.hpp"

// Writes weights files and checkpoints (inference/weights_file.hpp describes them), and reads checkpoints.
namespace dnsp {

/// What a file says of the run that wrote it.
struct RunDescription {
    TrainingSettings settings;
    std::vector<HeldOut> held_out;
    std::string command;
};

/// Leaves out folders and the command line, which may tell who trained on what.
void save_weights(const std::filesystem::path& path, const RunDescription& run, const ParameterStore& store);

/// State of a run between two steps.
struct RunState {
    /// Optimiser steps since the first epoch. The counters of the random numbers follow from it.
    std::int64_t step = 0;
};

/// `filter_reference_norms` is empty if the variant learns no filters.
void save_checkpoint(const std::filesystem::path& path, const RunDescription& run,
                     const ParameterStore& store, const Adam& adam,
                     const std::vector<double>& filter_reference_norms, const RunState& state);

/// The description in a weights file or a checkpoint. Throws Error("path: reason"), also for a setting that
/// this version does not know.
RunDescription read_run_description(const std::filesystem::path& path);

struct RestoredState {
    RunState state;
    std::vector<double> filter_reference_norms;
};

/// Copies the tensors of a checkpoint into a store and an optimiser of the same settings. Throws
/// Error("path: reason") for a weights file and for tensors that do not fit.
RestoredState load_checkpoint(const std::filesystem::path& path, ParameterStore& store, Adam& adam);

}  // namespace dnsp
