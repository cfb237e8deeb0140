#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "models/model.hpp"
#include "priors/objective.hpp"

namespace dnsp {

enum class Schedule { constant, cosine };

/// Everything that decides the bits of a training run, besides the machine. The command line fills it, a
/// checkpoint keeps it.
struct TrainingSettings {
    std::vector<std::string> inputs;      ///< NIfTI files and folders of them
    std::vector<std::string> validation;  ///< the same, held out; empty: a part of the inputs is
    ModelOptions model;
    ObjectiveOptions objective;
    std::string preset = "gaussian";
    int scale = 2;
    double blur_sigma = 0.0;  ///< 0: the preset's own
    int axis = -1;            ///< storage axis perpendicular to the slices; −1: see imaging/volume.hpp
    int slice_step = 3;       ///< every n-th slice through the head
    int epochs = 50;
    int batch = 64;
    int patch = 40;
    int patches_per_slice = 16;  ///< drawn anew every epoch
    double learning_rate = 1e-4;
    double filters_learning_rate = 1e-4;
    Schedule schedule = Schedule::constant;
    std::uint64_t seed = 1;
    int validation_slices = 16;  ///< at most, for the figure after each epoch
};

/// Degradation of the settings. Throws for unknown presets and scales.
imaging::Degradation degradation_of(const TrainingSettings& settings);

/// The learning rate's factor at a step: 1, or ½(1 + cos(π · step/total)).
double schedule_factor(Schedule schedule, std::int64_t step, std::int64_t total_steps);

nlohmann::json to_json(const TrainingSettings& settings);
TrainingSettings settings_from_json(const nlohmann::json& json);

}  // namespace dnsp
