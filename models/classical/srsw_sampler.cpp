#include "models/classical/srsw_sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/error.hpp"
#include "base/philox.hpp"

namespace dnsp::classical {
namespace {

constexpr float training_foreground = 0.1f;

}  // namespace

SrswSampler::SrswSampler(PatchGeometry geometry, std::int64_t pairs, std::uint64_t seed)
    : geometry_(geometry), pairs_(static_cast<std::size_t>(pairs)), seed_(seed) {
    require(pairs > 0, fmt::format("[srsw] expected a positive number of pairs, got {}", pairs));
    require(geometry.patch > 0 && geometry.patch <= max_patch && geometry.patch % 2 == 1,
            fmt::format("[srsw] expected an odd patch of at most {}, got {}", max_patch, geometry.patch));
}

void SrswSampler::add(std::uint32_t volume, std::uint32_t slice, const imaging::Image& low,
                      const imaging::Image& high) {
    require(high.height == geometry_.scale * low.height && high.width == geometry_.scale * low.width,
            fmt::format("[srsw] {}×{} is not {} times {}×{}", high.height, high.width, geometry_.scale,
                        low.height, low.width));
    const Philox random{seed_, (std::uint64_t{volume} << 32) | slice};
    const auto low_size = static_cast<std::size_t>(geometry_.low_size());
    std::vector<float> values(low_size + static_cast<std::size_t>(geometry_.high_size()));
    const std::span<float> all(values);
    for (int y = 0; y < low.height; ++y)
        for (int x = 0; x < low.width; ++x) {
            low_patch(low, geometry_, y, x, all.first(low_size));
            if (*std::max_element(values.begin(), values.begin() + geometry_.low_size()) <=
                training_foreground)
                continue;
            ++candidates_;
            const auto pixel = static_cast<std::uint32_t>(y * low.width + x);
            const auto words = random.block(pixel);
            const std::uint64_t number = (std::uint64_t{words[0]} << 32) | words[1];
            if (number > largest_random_) continue;
            high_patch(high, geometry_, y, x, all.subspan(low_size));
            kept_.push_back({number, volume, slice, pixel, values});
        }
    if (kept_.size() > 2 * pairs_) discard_surplus();
}

void SrswSampler::discard_surplus() {
    if (kept_.size() <= pairs_) return;
    const auto order = [](const Candidate& a, const Candidate& b) {
        return std::tie(a.random, a.volume, a.slice, a.pixel) <
               std::tie(b.random, b.volume, b.slice, b.pixel);
    };
    std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(pairs_ - 1), kept_.end(),
                     order);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(pairs_), kept_.end());
    largest_random_ = kept_.back().random;
}

void SrswSampler::finish(SrswDatabase& database) {
    discard_surplus();
    require(!kept_.empty(), "[srsw] no slice shows a patch with a maximum above .1");
    std::sort(kept_.begin(), kept_.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(a.volume, a.slice, a.pixel) < std::tie(b.volume, b.slice, b.pixel);
    });
    const auto rows = static_cast<Eigen::Index>(kept_.size());
    database.low.resize(rows, geometry_.low_size());
    database.high.resize(rows, geometry_.high_size());
    for (Eigen::Index i = 0; i < rows; ++i) {
        const float* values = kept_[static_cast<std::size_t>(i)].values.data();
        std::copy_n(values, geometry_.low_size(), database.low.row(i).data());
        std::copy_n(values + geometry_.low_size(), geometry_.high_size(), database.high.row(i).data());
    }
    kept_.clear();
}

}  // namespace dnsp::classical
