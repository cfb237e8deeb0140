#include "inference/through_plane_upscaler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.hpp"
#include "imaging/acquisition.hpp"
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

void ThroughPlaneUpscaler::require_finer(const imaging::Volume& low, int axis) const {
    require(imaging::slice_count(low, axis) > 1, low.path,
            "holds one slice; thin slices are made of two or more thick ones");
    const double spacing = low.voxel_size_mm[static_cast<std::size_t>(axis)];
    require(spacing_mm(low, axis) < spacing, low.path,
            fmt::format("its slices are {:.3g} mm apart, so that {:.3g} mm would not be finer", spacing,
                        spacing_mm(low, axis)));
}

std::optional<NumberOrRange> ThroughPlaneUpscaler::trained_spacing_mm() const {
    if (!network_) return std::nullopt;
    return imaging::slice_spacing(network_->degradation());
}

int ThroughPlaneUpscaler::slices(const imaging::Volume& low, int axis) const {
    const auto [a, b] = other_axes(axis);
    return imaging::slice_count(low, a) + (network_ ? imaging::slice_count(low, b) : 0);
}

std::vector<std::string> ThroughPlaneUpscaler::unlike_training(const imaging::Volume& low, int axis) const {
    if (!network_) return {};
    const int across = other_axes(axis)[0], columns = other_axes(axis)[1];
    Upscaler::Slices slices;
    for (int i = 0; i < imaging::slice_count(low, across); ++i)
        slices.push_back(imaging::extract_oriented_slice(low, across, axis, i));
    return differences(
        network_->network().seen,
        imaging::scan_statistics(slices, imaging::percentile_normalisation(low.voxels, low.path),
                                 low.voxel_size_mm[static_cast<std::size_t>(columns)]));
}

imaging::Volume ThroughPlaneUpscaler::upscale(const imaging::Volume& low, int axis,
                                              const std::function<void(int done)>& progress,
                                              imaging::Volume* spread) const {
    const double spacing = low.voxel_size_mm[static_cast<std::size_t>(axis)];
    const double voxel = spacing_mm(low, axis);
    require_finer(low, axis);
    require(network_ || spread == nullptr, "[upscaler] interpolation has no spread");
    const int thick = imaging::slice_count(low, axis);
    const int thin = imaging::thin_slice_count(thick, voxel, spacing);
    const imaging::AxisResampler between = imaging::thin_slices(thick, voxel, spacing);
    imaging::Volume high = imaging::changed_spacing(low, axis, thin, voxel);
    if (spread != nullptr) *spread = high;
    const auto interpolated = [&](int across, int index) {
        const imaging::Image slice = imaging::extract_oriented_slice(low, across, axis, index);
        return imaging::resample(slice, between, imaging::identity_resampler(slice.width));
    };
    const auto [a, b] = other_axes(axis);
    if (!network_) {
        for (int i = 0; i < imaging::slice_count(low, a); ++i) {
            imaging::insert_oriented_slice(high, a, axis, i, interpolated(a, i));
            progress(i + 1);
        }
        return high;
    }

    // The voxels are normalised until the end; those of `spread` are mean squares.
    const auto normalisation = imaging::percentile_normalisation(low.voxels, low.path);
    const auto add_half = [&](imaging::Volume& volume, int across, int index, const imaging::Image& slice) {
        imaging::Image sum = imaging::extract_oriented_slice(volume, across, axis, index);
        for (std::size_t k = 0; k < sum.pixels.size(); ++k) sum.pixels[k] += 0.5f * slice.pixels[k];
        imaging::insert_oriented_slice(volume, across, axis, index, sum);
    };
    int done = 0;
    for (const int across : {a, b}) {
        const int count = imaging::slice_count(low, across);
        for (int first = 0; first < count; first += slices_at_once) {
            Upscaler::Slices slices, squares;
            for (int i = first; i < std::min(first + slices_at_once, count); ++i) {
                slices.push_back(interpolated(across, i));
                imaging::normalise(slices.back().pixels, normalisation);
            }
            slices = network_->run_network(slices, {}, spread == nullptr ? nullptr : &squares);
            for (std::size_t i = 0; i < slices.size(); ++i)
                add_half(high, across, first + static_cast<int>(i), slices[i]);
            for (std::size_t i = 0; i < squares.size(); ++i)
                add_half(*spread, across, first + static_cast<int>(i), squares[i]);
            done += static_cast<int>(slices.size());
            progress(done);
        }
    }
    if (spread != nullptr)
        for (std::size_t i = 0; i < high.voxels.size(); ++i) {
            const double mean = high.voxels[i];
            spread->voxels[i] = static_cast<float>(std::sqrt(std::max(0.0, spread->voxels[i] - mean * mean)) *
                                                   (normalisation.high - normalisation.low));
        }
    imaging::restore(high.voxels, normalisation);
    return high;
}

}  // namespace dnsp
