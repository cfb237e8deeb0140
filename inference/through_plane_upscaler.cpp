#include "inference/through_plane_upscaler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "imaging/resample.hpp"
#include "imaging/through_plane.hpp"

namespace dnsp {
namespace {

constexpr int slices_at_once = 16;  // slices in one call of infer()

std::array<int, 2> other_axes(int axis) { return {axis == 0 ? 1 : 0, axis == 2 ? 1 : 2}; }

}  // namespace

ThroughPlaneUpscaler::ThroughPlaneUpscaler(std::optional<Upscaler> network, double voxel_mm)
    : network_(std::move(network)), voxel_mm_(voxel_mm) {
    require(!network_ || network_->degradation().through_plane,
            "[upscaler] the network was not trained for thick slices");
}

imaging::Image ThroughPlaneUpscaler::upscale(const imaging::Image&, const imaging::Normalisation&) const {
    throw FileError("image: a picture has no other slices");
}

double ThroughPlaneUpscaler::spacing_mm(const imaging::Volume& low, int axis) const {
    if (voxel_mm_ > 0.0) return voxel_mm_;
    const auto [a, b] = other_axes(axis);
    return std::min(low.voxel_size_mm[static_cast<std::size_t>(a)],
                    low.voxel_size_mm[static_cast<std::size_t>(b)]);
}

std::optional<double> ThroughPlaneUpscaler::trained_spacing_mm() const {
    if (!network_) return std::nullopt;
    return network_->degradation().through_plane->spacing;
}

int ThroughPlaneUpscaler::slices(const imaging::Volume& low, int axis) const {
    const auto [a, b] = other_axes(axis);
    return imaging::slice_count(low, a) + (network_ ? imaging::slice_count(low, b) : 0);
}

imaging::Volume ThroughPlaneUpscaler::upscale(const imaging::Volume& low, int axis,
                                              const std::function<void(int done)>& progress) const {
    const double spacing = low.voxel_size_mm[static_cast<std::size_t>(axis)];
    const double voxel = spacing_mm(low, axis);
    require(
        voxel < spacing, low.path,
        fmt::format("its slices are {:.3g} mm apart, so that {:.3g} mm would not be finer", spacing, voxel));
    const int thick = imaging::slice_count(low, axis);
    const int thin = imaging::thin_slice_count(thick, voxel, spacing);
    const imaging::AxisResampler between = imaging::thin_slices(thick, voxel, spacing);
    const auto normalisation = imaging::percentile_normalisation(low.voxels, low.path);
    imaging::Volume high = imaging::changed_spacing(low, axis, thin, voxel);

    int done = 0;
    const auto compute = [&](int across, bool second) {
        const int count = imaging::slice_count(low, across);
        for (int first = 0; first < count; first += slices_at_once) {
            const int last = std::min(first + slices_at_once, count);
            Upscaler::Slices slices;
            for (int i = first; i < last; ++i) {
                const imaging::Image slice = imaging::extract_oriented_slice(low, across, axis, i);
                slices.push_back(imaging::resample(slice, between, imaging::identity_resampler(slice.width)));
                if (network_) imaging::normalise(slices.back().pixels, normalisation);
            }
            if (network_) slices = network_->run_network(slices);
            for (int i = first; i < last; ++i) {
                imaging::Image& slice = slices[static_cast<std::size_t>(i - first)];
                if (network_) imaging::restore(slice.pixels, normalisation);
                if (second) {
                    const imaging::Image other = imaging::extract_oriented_slice(high, across, axis, i);
                    for (std::size_t k = 0; k < slice.pixels.size(); ++k)
                        slice.pixels[k] = 0.5f * (slice.pixels[k] + other.pixels[k]);
                }
                imaging::insert_oriented_slice(high, across, axis, i, slice);
            }
            done += last - first;
            progress(done);
        }
    };
    const auto [a, b] = other_axes(axis);
    compute(a, false);
    if (network_) compute(b, true);
    return high;
}

}  // namespace dnsp
