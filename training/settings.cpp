#include "training/settings.hpp"

#include <cmath>
#include <numbers>

namespace dnsp {

void TrainingSettings::visit(OptionVisitor& v) {
    v.option({.key = "inputs", .flag = "inputs", .help = "volumes, or folders of them"}, inputs);
    v.option({.key = "validation",
              .flag = "--validation",
              .help = "volumes or folders to hold out; default: a fifth of the subjects"},
             validation);
    v.option({.key = "volume",
              .flag = "--volume",
              .help = "index of the volume in 4-D files, from 0; -1: files hold one volume",
              .range = Range::non_negative},
             volume);
    v.option(
        {.key = "pairs",
         .flag = "--pairs",
         .help = "LOW HIGH: two folders (or files) of volumes or pictures with the same names, each pair on "
                 "one grid (tool register); trains from the low image to the high one on that grid",
         .group = "Real pairs"},
        pairs);
    v.option({.key = "validation_pairs",
              .flag = "--validation-pairs",
              .help = "LOW HIGH: pairs to hold out; default: a fifth of the persons",
              .group = "Real pairs"},
             validation_pairs);
    v.option(
        {.key = "subject_of",
         .flag = "--subject-of",
         .help = "regular expression; its first group in a file name, or else in the path, is the person; "
                 "default: sub-LABEL, a folder for each person, or the name without words for the contrast"},
        subject_of);
    v.option(
        {.key = "init",
         .flag = "--init",
         .help =
             "start from the network of these weights instead of random numbers: a file of train_dnsp, a name "
             "of weights that come with the programs, or EDSR of PyTorch (safetensors)",
         .group = "Network"},
        init);
    v.option({.key = "init_sha256"}, init_sha256);
    convolution.visit(v);
    imaging::visit_slice_axis(v, axis);
    degradation.visit(v);
    v.nested("model", [&] { model.visit(v); });
    v.nested("prior", [&] { objective.visit(v); });
    v.option({.key = "filters_learning_rate",
              .flag = "--filter-lr",
              .help = "learning rate of the learned filters",
              .group = "Priors",
              .range = Range::non_negative},
             filters_learning_rate);

    const auto positive = [&](const char* key, const char* flag, const char* help, auto& value,
                              bool may_change_on_resume = false) {
        v.option({.key = key,
                  .flag = flag,
                  .help = help,
                  .group = "Training",
                  .range = Range::positive,
                  .may_change_on_resume = may_change_on_resume},
                 value);
    };
    positive("epochs", "--epochs", "passes over the training slices", epochs, true);
    v.option({.key = "steps",
              .flag = "--steps",
              .help = "steps of the whole run, instead of --epochs; 0: by epochs",
              .group = "Training",
              .range = Range::non_negative,
              .may_change_on_resume = true},
             steps);
    positive("batch", "--batch", "patches per step", batch);
    positive(
        "shards", "--shards",
        "parts of a batch whose gradients are computed one after another, or by the processes that mpirun "
        "started; default: 1, under mpirun 4 or the number of processes",
        shards);
    v.option(
        {.key = "reduce",
         .flag = "--reduce",
         .help =
             "how processes sum the gradients of shards: fixed (an order that gives the same bits for any "
             "number of processes, which must be a power of two) or fast (the order of the MPI library)",
         .group = "Training"},
        reduce, {{"fixed", ReductionOrder::fixed}, {"fast", ReductionOrder::fast}});
    positive("patch", "--patch", "side of a patch, pixels", patch);
    positive("patches_per_slice", "--patches-per-slice", "patches per slice and epoch", patches_per_slice);
    positive("slice_step", "--slice-step", "train on every n-th slice", slice_step);
    positive("learning_rate", "--lr", "Adam's learning rate", learning_rate);
    v.option({.key = "schedule",
              .flag = "--schedule",
              .help = "learning rate during the run: constant, or cosine decay to zero",
              .group = "Training"},
             schedule, {{"constant", Schedule::constant}, {"cosine", Schedule::cosine}});
    v.option({.key = "seed",
              .flag = "--seed",
              .help = "the same seed, device, build and number of threads give bitwise identical results",
              .group = "Training"},
             seed);
    positive("validation_slices", "--validation-slices",
             "maximum number of slices for the score after each epoch", validation_slices);
}

double schedule_factor(Schedule schedule, std::int64_t step, std::int64_t total_steps) {
    if (schedule == Schedule::constant) return 1.0;
    return 0.5 *
           (1.0 + std::cos(std::numbers::pi * static_cast<double>(step) / static_cast<double>(total_steps)));
}

}  // namespace dnsp
