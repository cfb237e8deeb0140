#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/degradation.hpp"
#include "layers/conv2d_settings.hpp"
#include "models/model.hpp"
#include "priors/objective.hpp"
#include "training/shards.hpp"

namespace dnsp {

enum class Schedule { constant, cosine };

/// The result of a training run depends bitwise on these settings, the machine and the device only.
struct TrainingSettings {
    std::vector<std::string> inputs;      ///< NIfTI files and folders of them
    std::vector<std::string> validation;  ///< held-out files and folders; empty: a part of the inputs
    /// Folders or files LOW and HIGH of real pairs (training/pairs.hpp) instead of inputs and validation;
    /// empty for training by degradation. The preset is then "pairs".
    std::vector<std::string> pairs, validation_pairs;
    int volume = -1;         ///< index of the volume in 4-D files; −1: files hold one
    std::string subject_of;  ///< regular expression of persons_of()
    /// Weights that the run starts from (training/initial_network.hpp): file name and digest. Empty: random
    /// numbers.
    std::string init, init_sha256;
    ModelOptions model;
    ObjectiveOptions objective;
    imaging::DegradationSettings degradation;
    Conv2dSettings convolution;
    int axis = -1;       ///< see imaging::visit_slice_axis
    int slice_step = 3;  ///< every n-th slice that shows the head
    int epochs = 50;
    int steps = 0;  ///< > 0: number of steps of the whole run, instead of epochs
    int batch = 64;
    ReductionOrder reduce = ReductionOrder::fixed;
    int shards = 1;  ///< parts of a batch whose gradients are summed in a fixed order (training/shards.hpp)
    int patch = 40;
    int patches_per_slice = 16;  ///< drawn anew every epoch
    double learning_rate = 1e-4;
    double filters_learning_rate = 1e-4;
    Schedule schedule = Schedule::constant;
    std::uint64_t seed = 1;
    int validation_slices = 16;  ///< maximum number of slices for the score after each epoch
    void visit(OptionVisitor& visitor);
};

/// Factor of the learning rate at a step: 1, or ½(1 + cos(π · step/total)).
double schedule_factor(Schedule schedule, std::int64_t step, std::int64_t total_steps);

}  // namespace dnsp
