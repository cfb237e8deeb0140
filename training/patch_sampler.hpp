#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "engine/step_clock.hpp"
#include "engine/tensor.hpp"
#include "imaging/patches.hpp"
#include "priors/filter_measure.hpp"
#include "training/settings.hpp"
#include "training/subject.hpp"

namespace dnsp {

/// Input and target of a step, normalised.
struct Batch {
    Tensor input;   ///< [batch, patch, patch, channels]: inference/network_input.hpp
    Tensor target;  ///< [batch, patch, patch, 1]
};

/// Draws the training patches. Every epoch takes patches_per_slice patches of every training slice, at random
/// positions that show enough head, in random order and under random symmetries (flips and transposition;
/// through-plane without transposition, because the rows are the thick slices). If the acquisition has noise,
/// except that of a low field, or parameters that are ranges, every slice is acquired anew for every epoch
/// (imaging/acquisition.hpp). A batch is a pure function of (seed, epoch, step), so an interrupted run can be
/// resumed exactly.
class PatchSampler {
  public:
    /// Copies what it needs of the subjects. Precondition: the tissues of all subjects are known, or of none.
    /// Real pairs are not acquired anew.
    PatchSampler(const std::vector<Subject>& subjects, const TrainingSettings& settings, Device device);
    PatchSampler(const PatchSampler&) = delete;  // a thread that acquires the next epoch refers to it

    std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
    std::size_t slices() const { return sizes_.size(); }

    /// Shuffles the patches of an epoch, and acquires its slices. Call it before the first batch of the
    /// epoch.
    void begin_epoch(std::int64_t epoch);
    /// The batch of the clock's step, or one of `shards` equal parts of it, without host synchronisation.
    /// Preconditions: begin_epoch() of the clock's epoch; `shards` divides the batch.
    Batch batch(const StepClock& clock, int shards = 1, int shard = 0) const;

    /// The sharpest and the smoothest patch of every training slice that has qualifying patches
    /// (imaging/patches.hpp). Precondition: no epoch has begun. Throws Error if no slice has.
    SharpAndSmooth sharp_and_smooth() const;

  private:
    /// What is needed to acquire a slice anew.
    struct Source {
        imaging::Image truth;  // stored intensities, before any bias field
        double row_mm;
        imaging::Normalisation normalisation, reference_range;
        std::optional<imaging::TissueMixture> tissues;
    };
    /// Input and target pixels of all slices.
    struct Pixels {
        std::vector<float> inputs, targets;
    };
    Pixels acquired(std::int64_t epoch) const;
    /// One slice. `target`: null if the target stays as it is.
    void acquire(const Source& source, const Philox& random, float* input, float* target) const;

    struct Size {
        int height, width;
    };
    std::vector<Size> sizes_;      // one per slice
    std::vector<Source> sources_;  // one per slice; empty if slices are not acquired anew
    imaging::Degradation acquisition_;
    // Slices, patch corners and the order of the epoch in device memory (kernels/patch_sampling.hpp).
    Tensor input_pixels_, target_pixels_;
    std::unique_ptr<Storage> slice_table_, corner_table_, order_table_;
    int batch_size_, patch_, patches_per_slice_, channels_, symmetries_;
    std::uint64_t seed_;
    Device device_;
    std::int64_t steps_per_epoch_ = 0;
    std::int64_t prepared_epoch_ = -1;
    std::future<Pixels>
        next_epoch_;  // on a CUDA device, acquired while it trains; the last member: it reads the others
};

}  // namespace dnsp
