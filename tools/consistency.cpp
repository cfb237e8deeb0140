#include "tools/consistency.hpp"

#include <fmt/format.h>

#include <cmath>
#include <span>

#include "base/error.hpp"
#include "imaging/consistency.hpp"
#include "imaging/geometry.hpp"

namespace dnsp::tools {
namespace {

/// The acquisition that the upscaler assumes, for slices `spacing_mm` apart.
imaging::Degradation acquisition_of(const ImageUpscaler& upscaler, double spacing_mm) {
    auto acquisition = upscaler.acquisition();
    require(acquisition.has_value(),
            "--consistency and --consistent need a model of the acquisition: weights, --self or a classical "
            "method that is told the blur");
    imaging::require_linear_model(*acquisition);
    if (acquisition->through_plane)
        *acquisition->through_plane = acquisition->through_plane->scaled_to(spacing_mm);
    return *acquisition;
}

Consistency found(const std::filesystem::path& output, std::span<const float> residual,
                  const imaging::Normalisation& range) {
    const double error = imaging::root_mean_square(residual) / (range.high - range.low);
    return {fmt::format("{}: acquired again, differs from the input by {:.3g} % of its intensity range (root "
                        "mean square)\n",
                        output.string(), 100.0 * error),
            error,
            {}};
}

/// The share of the residual that is corrected, so that the noise of the acquisition remains.
double share_of(std::span<const float> residual, const imaging::Degradation& acquisition,
                const imaging::Normalisation& range) {
    return imaging::correcting_share(residual, acquisition.noise * (range.high - range.low));
}

}  // namespace

imaging::Volume as_float(const imaging::Volume& volume) {
    imaging::Volume plain = volume;
    plain.header = nullptr;
    imaging::Volume result = imaging::on_grid_of(volume, plain);
    result.voxels = std::move(plain.voxels);
    return result;
}

bool can_check_consistency(const ImageUpscaler& upscaler) {
    const auto acquisition = upscaler.acquisition();
    return acquisition && imaging::has_linear_model(*acquisition);
}

Consistency check_consistency(const ImageUpscaler& upscaler, const imaging::Volume& low, int axis,
                              bool correct, const std::filesystem::path& output, imaging::Volume& high) {
    const imaging::Degradation acquisition =
        acquisition_of(upscaler, low.voxel_size_mm[static_cast<std::size_t>(axis)]);
    const auto range = imaging::percentile_normalisation(low.voxels, low.path);
    imaging::Volume residual = imaging::acquisition_residual(high, low, axis, acquisition);
    if (correct) {
        imaging::correct(high, residual, axis, acquisition, share_of(residual.voxels, acquisition, range));
        residual = imaging::acquisition_residual(high, low, axis, acquisition);
    }
    Consistency consistency = found(output, residual.voxels, range);
    for (float& x : residual.voxels) x = std::abs(x);
    consistency.difference = as_float(residual);
    return consistency;
}

Consistency check_consistency(const ImageUpscaler& upscaler, const imaging::Image& low,
                              const imaging::Normalisation& range, bool correct,
                              const std::filesystem::path& output, imaging::Image& high) {
    const imaging::Degradation acquisition = acquisition_of(upscaler, 0.0);
    imaging::Image residual = imaging::acquisition_residual(high, low, acquisition);
    if (correct) {
        imaging::correct(high, residual, acquisition, share_of(residual.pixels, acquisition, range));
        residual = imaging::acquisition_residual(high, low, acquisition);
    }
    return found(output, residual.pixels, range);
}

}  // namespace dnsp::tools
