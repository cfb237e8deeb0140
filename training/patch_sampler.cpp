#include "training/patch_sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "kernels/philox.hpp"

namespace dnsp {
namespace {

constexpr float foreground_level = 0.1f;      // of the normalised range
constexpr double training_foreground = 0.25;  // a training patch may show some background
constexpr double measured_foreground = 0.9;   // a sharp or smooth patch may not
constexpr int corner_stride = 2;
constexpr int candidate_stride = 4;

// Streams of the run's seed. The counter within a stream says which number of it.
constexpr std::uint64_t order_stream = 0x4f52'0000'0000'0000;  // + epoch
constexpr std::uint64_t patch_stream = 0x5041'0000'0000'0000;  // + epoch; counter: patch

imaging::Image normalised(imaging::Image image, const imaging::Normalisation& normalisation) {
    imaging::normalise(image.pixels, normalisation);
    return image;
}

}  // namespace

PatchSampler::PatchSampler(const std::vector<Subject>& subjects, const TrainingSettings& settings,
                           Device device)
    : batch_size_(settings.batch),
      patch_(settings.patch),
      patches_per_slice_(settings.patches_per_slice),
      seed_(settings.seed),
      device_(device) {
    require(
        settings.batch > 0 && settings.patch > 0 && settings.patches_per_slice > 0 && settings.slice_step > 0,
        "[training] batch, patch, patches per slice and slice step must be positive");
    for (const Subject& subject : subjects)
        for (std::size_t i = 0; i < subject.slices.size();
             i += static_cast<std::size_t>(settings.slice_step)) {
            const SlicePair& pair = subject.slices[i];
            TrainingSlice slice{normalised(pair.target, subject.normalisation),
                                normalised(pair.input, subject.normalisation),
                                {}};
            require(slice.target.height >= patch_ && slice.target.width >= patch_,
                    fmt::format("{}: slices of {}×{} are smaller than the {}×{} patches", subject.path,
                                slice.target.height, slice.target.width, patch_, patch_));
            slice.corners = imaging::patch_corners(slice.target, patch_, corner_stride, foreground_level,
                                                   training_foreground);
            if (!slice.corners.empty()) slices_.push_back(std::move(slice));
        }
    require(!slices_.empty(), "[training] no slice shows enough head for a patch");
    const auto patches = static_cast<std::int64_t>(slices_.size()) * patches_per_slice_;
    require(patches >= batch_size_,
            fmt::format("[training] {} patches an epoch do not fill a batch of {}", patches, batch_size_));
    steps_per_epoch_ = patches / batch_size_;
}

void PatchSampler::shuffle(std::int64_t epoch) {
    if (shuffled_epoch_ == epoch) return;
    order_.resize(slices_.size() * static_cast<std::size_t>(patches_per_slice_));
    std::iota(order_.begin(), order_.end(), 0u);
    const kernels::Philox random{seed_, order_stream + static_cast<std::uint64_t>(epoch)};
    for (std::size_t i = order_.size() - 1; i > 0; --i)
        std::swap(order_[i], order_[random.below(i, static_cast<std::uint32_t>(i + 1))]);
    shuffled_epoch_ = epoch;
}

Batch PatchSampler::batch(std::int64_t epoch, std::int64_t step) {
    shuffle(epoch);
    const kernels::Philox random{seed_, patch_stream + static_cast<std::uint64_t>(epoch)};
    const std::size_t area = static_cast<std::size_t>(patch_) * static_cast<std::size_t>(patch_);
    std::vector<float> input, target;
    input.reserve(area * static_cast<std::size_t>(batch_size_));
    target.reserve(area * static_cast<std::size_t>(batch_size_));
    for (int b = 0; b < batch_size_; ++b) {
        const std::uint32_t which = order_[static_cast<std::size_t>(step * batch_size_ + b)];
        const TrainingSlice& slice = slices_[which / static_cast<std::uint32_t>(patches_per_slice_)];
        const auto words = random.block(which);
        const auto& corner =
            slice.corners[(static_cast<std::uint64_t>(words[0]) * slice.corners.size()) >> 32];
        const int symmetry = static_cast<int>(words[1] % 8);
        auto append = [&](const imaging::Image& image, std::vector<float>& out) {
            const auto patch =
                imaging::apply_symmetry(imaging::crop(image, corner.y, corner.x, patch_, patch_), symmetry);
            out.insert(out.end(), patch.pixels.begin(), patch.pixels.end());
        };
        append(slice.input, input);
        append(slice.target, target);
    }
    const Shape shape{batch_size_, patch_, patch_, 1};
    return {Tensor::from<float>(shape, input, device_), Tensor::from<float>(shape, target, device_)};
}

SharpAndSmooth PatchSampler::sharp_and_smooth() const {
    std::vector<double> sharp, smooth;
    std::int64_t pairs = 0;
    for (const TrainingSlice& slice : slices_) {
        const auto pair = imaging::select_sharp_and_smooth(slice.target, patch_, candidate_stride,
                                                           foreground_level, measured_foreground);
        if (!pair) continue;
        sharp.insert(sharp.end(), pair->sharp.pixels.begin(), pair->sharp.pixels.end());
        smooth.insert(smooth.end(), pair->smooth.pixels.begin(), pair->smooth.pixels.end());
        ++pairs;
    }
    require(
        pairs > 0,
        fmt::format("[training] no slice has a {0}×{0} patch full of anatomy for the filter measure; use a "
                    "smaller --patch or a prior without learned filters",
                    patch_));
    const Shape shape{pairs, patch_, patch_, 1};
    return {Tensor::from<double>(shape, sharp), Tensor::from<double>(shape, smooth)};
}

}  // namespace dnsp
