#include "training/validation.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "imaging/metrics.hpp"
#include "inference/tiled_inference.hpp"

namespace dnsp {

Validation::Validation(const std::vector<Subject>& subjects, int max_slices) {
    std::vector<Slice> all;
    for (const Subject& subject : subjects)
        for (const SlicePair& pair : subject.slices) all.push_back({&subject, &pair});
    require(!all.empty(), "[validation] no slice is held out");
    const std::size_t count = std::min(all.size(), static_cast<std::size_t>(max_slices));
    for (std::size_t i = 0; i < count; ++i) slices_.push_back(all[i * all.size() / count]);
    // At a quarter and at three quarters, so that two persons show one slice each.
    samples_.push_back(slices_.at(count / 4));
    if (count > 1) samples_.push_back(slices_[3 * count / 4]);
}

template <class Restore>
std::optional<Validation::Result> Validation::score(const Restore& restore,
                                                    const std::function<bool()>& stop) const {
    Result result;
    const auto count = static_cast<double>(slices_.size());
    for (const Slice& slice : slices_) {
        if (stop && stop()) return std::nullopt;
        imaging::Image image = restore(slice);
        const imaging::Normalisation& range = slice.subject->reference_range;
        const imaging::MetricConvention convention{range.high - range.low, 0};
        const double psnr_db = imaging::psnr(slice.pair->target, image, convention);
        result.score.psnr_db += psnr_db / count;
        result.score.ssim += imaging::ssim(slice.pair->target, image, convention) / count;
        for (const Slice& sample : samples_)
            if (sample.pair == slice.pair) {
                result.samples.push_back(image);
                result.sample_psnr_db.push_back(psnr_db);
            }
    }
    return result;
}

Validation::Result Validation::of(const Model& model, Device device) const { return *of(model, device, {}); }

std::optional<Validation::Result> Validation::of(const Model& model, Device device,
                                                 const std::function<bool()>& stop) const {
    const auto restore = [&](const Slice& slice) {
        const Subject& subject = *slice.subject;
        imaging::Image image = slice.pair->input;
        imaging::normalise(image.pixels, subject.normalisation);
        const Tensor input =
            Tensor::from<float>({1, image.height, image.width, input_channels(subject.tissues)},
                                network_input(image, subject.tissues), device);
        image.pixels = infer(model, input).to_vector<float>();
        imaging::restore(image.pixels, subject.target_normalisation);
        return image;
    };
    return score(restore, stop);
}

Validation::Result Validation::of_inputs() const {
    return *score([](const Slice& slice) { return on_target_scale(*slice.subject, slice.pair->input); }, {});
}

}  // namespace dnsp
