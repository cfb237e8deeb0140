#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/adam.hpp"
#include "engine/safetensors.hpp"
#include "models/model.hpp"
#include "training/settings.hpp"
#include "training/split.hpp"

namespace dnsp {

/// Replaces `path` by a safetensors file in one step: a crash or a full disk leaves the old file.
void write_safetensors_atomically(const std::filesystem::path& path, const TensorFile& file);

/// What a weights file or a checkpoint says about itself, as metadata strings of its safetensors header:
///   dnsp.kind "weights" or "checkpoint", dnsp.version, dnsp.settings (JSON), dnsp.degradation (JSON),
///   dnsp.normalisation, dnsp.held_out (JSON), dnsp.command; a checkpoint also dnsp.step and dnsp.adam_steps.
/// Tensors: "model.<parameter>" in float32, convolution weights in the order [out, kernel_height,
/// kernel_width, in], and of buffers; a checkpoint also "adam.m.<parameter>", "adam.v.<parameter>", "filters"
/// and "filters.reference_norms".
struct RunDescription {
    TrainingSettings settings;
    std::vector<HeldOut> held_out;
    std::string command;
};
inline constexpr const char* normalisation_text =
    "percentiles 0.1 and 99.9 of the low-resolution volume to 0 and 1";

/// A network ready for inference, with what it was trained for.
struct TrainedNetwork {
    RunDescription run;
    imaging::Degradation degradation;
    std::unique_ptr<ParameterStore> store;
    std::unique_ptr<Model> model;
};

/// The network of a weights file or a checkpoint. Throws Error("path: reason") for a file that is not of this
/// project, of another model or shape, with missing or unknown tensors, or with NaN among the weights.
TrainedNetwork load_network(const std::filesystem::path& path, Device device);

/// Folders and the command line, which may tell who trained on what, stay out of a weights file.
void save_weights(const std::filesystem::path& path, const RunDescription& run, const ParameterStore& store);

/// State of a run between two steps.
struct RunState {
    std::int64_t step =
        0;  ///< optimiser steps done since the first epoch; the random numbers' counters follow from it
};

void save_checkpoint(const std::filesystem::path& path, const RunDescription& run,
                     const ParameterStore& store, const Adam& adam,
                     const std::vector<double>& filter_reference_norms, const RunState& state);

/// What a checkpoint says, before a store exists.
RunDescription read_run_description(const std::filesystem::path& path);

/// Puts a checkpoint's tensors back into a store and an optimiser of the same settings; returns state and
/// reference norms.
struct RestoredState {
    RunState state;
    std::vector<double> filter_reference_norms;
};
RestoredState load_checkpoint(const std::filesystem::path& path, ParameterStore& store, Adam& adam);

}  // namespace dnsp
