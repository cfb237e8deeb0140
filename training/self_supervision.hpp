#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/options.hpp"
#include "imaging/through_plane.hpp"
#include "imaging/volume.hpp"
#include "training/settings.hpp"

// Training on the scan that is to be enlarged: its own slices have fine pixels in both directions. They are
// degraded along one of them as the scan is along its thick slices, and a network learns to undo it. No other
// data are needed (Jog et al., MICCAI 2016; Zhao et al., IEEE TMI 40, 2021).
namespace dnsp {

struct SelfSupervision {
    double minutes = 5.0;       ///< of the whole computation; the speed of this machine decides the steps
    int steps = 0;              ///< > 0: this number of steps instead, for results that can be repeated
    double thickness_mm = 0.0;  ///< of the scan's slices; 0: the distance of their middles
    imaging::SliceProfile profile = imaging::SliceProfile::gaussian;  ///< gaussian or box
    std::uint64_t seed = 1;
    void visit(OptionVisitor& visitor);
};

/// The settings of the training: the recipe "fast" for thick slices of the scan, without a number of steps.
/// Throws FileError for a slice thickness that is not positive, and if the slices are not thicker than
/// pixels.
TrainingSettings self_supervised_settings(const imaging::Volume& scan, int axis,
                                          const SelfSupervision& options);

struct SelfSupervisionProgress {
    std::int64_t step = 0, total_steps = 0;
    double seconds_left = 0.0;
    double loss = 0.0;
};

/// Trains on the slices of `scan` along settings.axis, its thick axis, with settings of
/// self_supervised_settings(). Files of the run, among them weights.safetensors, are written to `folder`.
/// Returns the path of the weights.
/// - settings.steps 0: the number of steps follows from `minutes`, of training and of applying the network,
///   and from the measured speed. If the machine becomes slower, so that the time is up before the last step,
///   the weights are those of the last step that was made. Throws Error if applying the network leaves less
///   than a fifth of the time for training.
/// - `stop` is asked after every step; throws Error if it answers true.
std::filesystem::path train_on_scan(const imaging::Volume& scan, TrainingSettings settings, double minutes,
                                    Device device, const std::filesystem::path& folder,
                                    const std::string& command,
                                    const std::function<void(const SelfSupervisionProgress&)>& watch,
                                    const std::function<bool()>& stop);

}  // namespace dnsp
