#include "training/patch_sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <numeric>

#include "engine/kernel_for.hpp"
#include "imaging/acquisition.hpp"
#include "kernels/patch_sampling.hpp"
#include "training/shuffle.hpp"

namespace dnsp {
namespace {

constexpr double training_foreground = 0.25;  // a training patch may show some background
constexpr double measured_foreground = 0.9;   // a sharp or smooth patch may not
constexpr int corner_stride = 2;
constexpr int candidate_stride = 4;

// Streams of random numbers under the seed of the run.
constexpr std::uint64_t order_stream = 0x4f52'0000'0000'0000;        // + epoch
constexpr std::uint64_t patch_stream = 0x5041'0000'0000'0000;        // + epoch; counter: patch
constexpr std::uint64_t acquisition_stream = 0x4143'0000'0000'0000;  // + epoch · 2²⁴ + slice
constexpr std::uint64_t seed_word = 6;  // words 6 and 7: the seed of noise and bias field

/// Whether an acquisition is not the same every time.
bool varies(const imaging::Degradation& degradation) {
    return !degradation.low_field && (degradation.noise > 0.0 || degradation.ranges);
}

imaging::Image normalised(imaging::Image image, const imaging::Normalisation& normalisation) {
    imaging::normalise(image.pixels, normalisation);
    return image;
}

template <class T>
std::unique_ptr<Storage> table_of(const std::vector<T>& entries, Device device) {
    auto storage = std::make_unique<Storage>(device, entries.size() * sizeof(T));
    copy_from_host(*storage, 0, entries.data(), entries.size() * sizeof(T));
    return storage;
}

}  // namespace

PatchSampler::PatchSampler(const std::vector<Subject>& subjects, const TrainingSettings& settings,
                           Device device)
    : batch_size_(settings.batch),
      patch_(settings.patch),
      patches_per_slice_(settings.patches_per_slice),
      channels_(subjects.empty() ? 1 : input_channels(subjects.front().tissues)),
      symmetries_(settings.degradation.direction == imaging::Direction::through_plane ? 4 : 8),
      seed_(settings.seed),
      device_(device) {
    require(
        settings.batch > 0 && settings.patch > 0 && settings.patches_per_slice > 0 && settings.slice_step > 0,
        "[training] batch, patch, patches per slice and slice step must be positive");
    if (settings.pairs.empty()) acquisition_ = settings.degradation.make();
    const bool renews = settings.pairs.empty() && varies(acquisition_);
    std::size_t pixels = 0;
    for (const Subject& subject : subjects)
        for (std::size_t i = 0; i < subject.slices.size(); i += static_cast<std::size_t>(settings.slice_step))
            pixels += subject.slices[i].target.pixels.size();
    std::vector<float> inputs, targets;
    inputs.reserve(pixels * static_cast<std::size_t>(channels_));
    targets.reserve(pixels);
    std::vector<kernels::SliceEntry> slices;
    std::vector<kernels::CornerEntry> corners;
    for (const Subject& subject : subjects) {
        require(input_channels(subject.tissues) == channels_,
                subject.path + ": its tissues are known and those of other volumes are not, or the reverse");
        for (std::size_t i = 0; i < subject.slices.size();
             i += static_cast<std::size_t>(settings.slice_step)) {
            const SlicePair& pair = subject.slices[i];
            const imaging::Image target = normalised(pair.target, subject.target_normalisation);
            const imaging::Image input = normalised(pair.input, subject.normalisation);
            require(target.height >= patch_ && target.width >= patch_,
                    fmt::format("{}: slices of {}×{} are smaller than the {}×{} patches", subject.path,
                                target.height, target.width, patch_, patch_));
            const auto own =
                imaging::patch_corners(target, patch_, corner_stride, foreground_level, training_foreground);
            if (own.empty()) continue;
            slices.push_back({static_cast<std::int64_t>(targets.size()), target.width,
                              static_cast<std::int32_t>(corners.size()),
                              static_cast<std::int32_t>(own.size())});
            for (const imaging::PatchCorner& corner : own) corners.push_back({corner.y, corner.x});
            const std::vector<float> channels = network_input(input, subject.tissues);
            inputs.insert(inputs.end(), channels.begin(), channels.end());
            targets.insert(targets.end(), target.pixels.begin(), target.pixels.end());
            sizes_.push_back({target.height, target.width});
            if (renews)
                sources_.push_back({pair.truth.pixels.empty() ? pair.target : pair.truth, pair.row_mm,
                                    subject.normalisation, subject.reference_range, subject.tissues});
        }
    }
    require(!sizes_.empty(), "[training] no slice shows enough head for a patch");
    require(corners.size() <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
            "[training] too many places for patches; a larger slice step has fewer");
    const auto patches = static_cast<std::int64_t>(sizes_.size()) * patches_per_slice_;
    require(patches >= batch_size_,
            fmt::format("[training] {} patches an epoch do not fill a batch of {}", patches, batch_size_));
    steps_per_epoch_ = patches / batch_size_;
    const auto count = static_cast<std::int64_t>(targets.size());
    input_pixels_ = Tensor::from<float>({count, channels_}, inputs, device_);
    inputs = {};  // its memory
    target_pixels_ = Tensor::from<float>({count}, targets, device_);
    slice_table_ = table_of(slices, device_);
    corner_table_ = table_of(corners, device_);
    order_table_ =
        std::make_unique<Storage>(device_, static_cast<std::size_t>(patches) * sizeof(std::uint32_t));
}

void PatchSampler::begin_epoch(std::int64_t epoch) {
    std::vector<std::uint32_t> order(sizes_.size() * static_cast<std::size_t>(patches_per_slice_));
    std::iota(order.begin(), order.end(), 0u);
    shuffle(order, {seed_, order_stream + static_cast<std::uint64_t>(epoch)});
    copy_from_host(*order_table_, 0, order.data(), order.size() * sizeof(std::uint32_t));
    if (sources_.empty()) return;
    const bool prepared = next_epoch_.valid() && prepared_epoch_ == epoch;
    Pixels pixels = prepared ? next_epoch_.get() : acquired(epoch);
    const auto put = [](const Tensor& tensor, std::vector<float>& values) {
        tensor.copy_from(Tensor::borrow(tensor.shape(), DType::float32, Device{}, values.data()));
    };
    put(input_pixels_, pixels.inputs);
    if (!pixels.targets.empty()) put(target_pixels_, pixels.targets);
    if (device_.kind != DeviceKind::cuda) return;
    prepared_epoch_ = epoch + 1;
    next_epoch_ = std::async(std::launch::async, [this] { return acquired(prepared_epoch_); });
}

void PatchSampler::acquire(const Source& source, const Philox& random, float* input, float* target) const {
    imaging::Degradation acquisition = imaging::drawn(acquisition_, random);
    acquisition.noise_seed =
        (static_cast<std::uint64_t>(random.word(seed_word)) << 32) | random.word(seed_word + 1);
    const imaging::Image truth = imaging::received(source.truth, acquisition);
    const imaging::Image image = imaging::network_image(
        truth, acquisition, source.reference_range.high - source.reference_range.low, source.row_mm);
    const std::vector<float> values = network_input(normalised(image, source.normalisation), source.tissues);
    std::copy(values.begin(), values.end(), input);
    if (target == nullptr) return;
    const imaging::Image bright = normalised(truth, source.normalisation);
    std::copy(bright.pixels.begin(), bright.pixels.end(), target);
}

PatchSampler::Pixels PatchSampler::acquired(std::int64_t epoch) const {
    std::vector<std::size_t> first{0};
    for (const Source& source : sources_) first.push_back(first.back() + source.truth.pixels.size());
    const bool has_bias = acquisition_.bias_field > 0.0;
    std::exception_ptr failure;
    Pixels pixels{std::vector<float>(first.back() * static_cast<std::size_t>(channels_)),
                  std::vector<float>(has_bias ? first.back() : 0)};
    const auto count = static_cast<std::int64_t>(sources_.size());
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t slice = 0; slice < count; ++slice) {
        const auto s = static_cast<std::size_t>(slice);
        try {
            acquire(sources_[s], {seed_, acquisition_stream + (static_cast<std::uint64_t>(epoch) << 24) + s},
                    &pixels.inputs[first[s] * static_cast<std::size_t>(channels_)],
                    has_bias ? &pixels.targets[first[s]] : nullptr);
        } catch (...) {
#pragma omp critical
            failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
    return pixels;
}

Batch PatchSampler::batch(const StepClock& clock, int shards, int shard) const {
    const std::int64_t size = batch_size_ / shards;
    const kernels::PatchSampling sampling{
        size, patch_, patches_per_slice_, {seed_, patch_stream}, channels_, symmetries_, shards, shard};
    Batch batch{Tensor::empty({size, patch_, patch_, channels_}, DType::float32, device_),
                Tensor::empty({size, patch_, patch_, 1}, DType::float32, device_)};
    DNSP_KERNEL_FOR(device_, sample_patches)
    (sampling, clock.position(), static_cast<const std::uint32_t*>(order_table_->data()),
     static_cast<const kernels::SliceEntry*>(slice_table_->data()),
     static_cast<const kernels::CornerEntry*>(corner_table_->data()), input_pixels_.data<float>(),
     target_pixels_.data<float>(), batch.input.data<float>(), batch.target.data<float>());
    return batch;
}

SharpAndSmooth PatchSampler::sharp_and_smooth() const {
    std::vector<double> sharp, smooth;
    std::int64_t pairs = 0;
    const std::vector<float> pixels = target_pixels_.to_vector<float>();
    auto first = pixels.begin();
    for (const auto& [height, width] : sizes_) {
        imaging::Image target(height, width);
        std::copy_n(first, target.pixels.size(), target.pixels.begin());
        first += static_cast<std::ptrdiff_t>(target.pixels.size());
        const auto pair = imaging::select_sharp_and_smooth(target, patch_, candidate_stride, foreground_level,
                                                           measured_foreground);
        if (!pair) continue;
        sharp.insert(sharp.end(), pair->sharp.pixels.begin(), pair->sharp.pixels.end());
        smooth.insert(smooth.end(), pair->smooth.pixels.begin(), pair->smooth.pixels.end());
        ++pairs;
    }
    require(
        pairs > 0,
        fmt::format("[training] no slice has a {0}×{0} patch full of anatomy for the filter measure; use a "
                    "smaller patch or a prior without learned filters",
                    patch_));
    const Shape shape{pairs, patch_, patch_, 1};
    return {Tensor::from<double>(shape, sharp), Tensor::from<double>(shape, smooth)};
}

}  // namespace dnsp
