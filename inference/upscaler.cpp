#include "inference/upscaler.hpp"

#include <algorithm>
#include <cmath>
#include <future>

#include "base/error.hpp"
#include "imaging/patches.hpp"
#include "imaging/resample.hpp"

namespace dnsp {
namespace {

constexpr int slices_at_once = 16;  // slices of a volume in one call of infer()

/// The standard deviation of results in stored intensities.
imaging::Image spread_of(const imaging::Image& mean, const imaging::Image& squares,
                         const imaging::Normalisation& normalisation) {
    imaging::Image spread = mean;
    for (std::size_t i = 0; i < mean.pixels.size(); ++i) {
        const double m = mean.pixels[i];
        spread.pixels[i] = static_cast<float>(std::sqrt(std::max(0.0, squares.pixels[i] - m * m)) *
                                              (normalisation.high - normalisation.low));
    }
    return spread;
}

}  // namespace

imaging::Image Upscaler::upscale(const imaging::Image& low,
                                 const imaging::Normalisation& normalisation) const {
    require(accepts_pictures(), "[upscaler] the network needs the tissues of the whole volume");
    require(!network_.degradation.through_plane, "[upscaler] the network reads slices across thick ones");
    return enhance(imaging::enlarge_bicubic(low, scale(), network_.degradation.phase), normalisation);
}

imaging::Image Upscaler::enhance(imaging::Image image, const imaging::Normalisation& normalisation,
                                 const std::optional<imaging::TissueMixture>& tissues) const {
    imaging::normalise(image.pixels, normalisation);
    const bool reads_tissues = input_features() != InputFeatures::intensity;
    imaging::Image out =
        std::move(run_network({std::move(image)}, reads_tissues ? tissues : std::nullopt).front());
    imaging::restore(out.pixels, normalisation);
    return out;
}

imaging::Volume Upscaler::upscale(const imaging::Volume& low, int axis,
                                  const std::function<void(int done)>& progress,
                                  imaging::Volume* spread) const {
    const auto normalisation = imaging::percentile_normalisation(low.voxels, low.path);
    imaging::Volume high = imaging::finer_grid(low, axis, scale(), network_.degradation.phase);
    if (spread != nullptr) *spread = high;
    const int slices = imaging::slice_count(low, axis);
    std::optional<imaging::TissueMixture> tissues;
    if (input_features() != InputFeatures::intensity) {
        Slices all;
        for (int i = 0; i < slices; ++i) all.push_back(imaging::extract_slice(low, axis, i));
        const auto [x, y, z] = low.voxel_size_mm;
        tissues = fit_tissues(input_features(), all, normalisation, x * y * z, low.path);
    }

    const auto prepare = [&](int first) {
        Slices prepared;
        for (int i = first; i < std::min(first + slices_at_once, slices); ++i) {
            prepared.push_back(imaging::enlarge_bicubic(imaging::extract_slice(low, axis, i), scale(),
                                                        network_.degradation.phase));
            imaging::normalise(prepared.back().pixels, normalisation);
        }
        return prepared;
    };
    const auto insert = [&](int first, Slices finished) {
        for (imaging::Image& slice : finished) {
            imaging::restore(slice.pixels, normalisation);
            imaging::insert_slice(high, axis, first++, slice);
        }
    };

    Slices prepared = prepare(0), finished;
    for (int first = 0; first < slices; first += slices_at_once) {
        std::future<Slices> beside = std::async(std::launch::async, [&, first] {
            insert(first - slices_at_once, std::move(finished));
            return prepare(first + slices_at_once);
        });
        Slices squares;
        Slices computed = run_network(prepared, tissues, spread == nullptr ? nullptr : &squares);
        for (std::size_t i = 0; i < squares.size(); ++i)
            imaging::insert_slice(*spread, axis, first + static_cast<int>(i),
                                  spread_of(computed[i], squares[i], normalisation));
        prepared = beside.get();
        finished = std::move(computed);
        progress(std::min(first + slices_at_once, slices));
    }
    insert((slices - 1) / slices_at_once * slices_at_once, std::move(finished));
    return high;
}

std::vector<std::string> Upscaler::unlike_training(const imaging::Volume& low, int axis) const {
    Slices slices;
    for (int i = 0; i < imaging::slice_count(low, axis); ++i)
        slices.push_back(imaging::extract_slice(low, axis, i));
    return differences(
        network_.seen,
        imaging::scan_statistics(slices, imaging::percentile_normalisation(low.voxels, low.path),
                                 low.voxel_size_mm[static_cast<std::size_t>(imaging::column_axis(axis))]));
}

Upscaler::Slices Upscaler::run_network(const Slices& slices,
                                       const std::optional<imaging::TissueMixture>& tissues,
                                       Slices* squares) const {
    if (!options_.ensemble) {
        require(squares == nullptr, "[upscaler] one result has no spread; an ensemble has");
        return run_once(slices, tissues);
    }
    const int symmetries = network_.degradation.through_plane ? 4 : 8;
    std::vector<std::vector<double>> sum(slices.size()), sum_of_squares(slices.size());
    for (int symmetry = 0; symmetry < symmetries; ++symmetry) {
        Slices turned;
        for (const imaging::Image& slice : slices) turned.push_back(imaging::apply_symmetry(slice, symmetry));
        const Slices results = run_once(turned, tissues);
        for (std::size_t i = 0; i < slices.size(); ++i) {
            const imaging::Image result =
                imaging::apply_symmetry(results[i], imaging::inverse_symmetry(symmetry));
            sum[i].resize(result.pixels.size());
            sum_of_squares[i].resize(result.pixels.size());
            for (std::size_t k = 0; k < result.pixels.size(); ++k) {
                const double x = result.pixels[k];
                sum[i][k] += x / symmetries;
                sum_of_squares[i][k] += x * x / symmetries;
            }
        }
    }
    const auto images_of = [&](const std::vector<std::vector<double>>& values) {
        Slices images = slices;
        for (std::size_t i = 0; i < images.size(); ++i)
            std::transform(values[i].begin(), values[i].end(), images[i].pixels.begin(),
                           [](double x) { return static_cast<float>(x); });
        return images;
    };
    if (squares != nullptr) *squares = images_of(sum_of_squares);
    return images_of(sum);
}

Upscaler::Slices Upscaler::run_once(const Slices& slices,
                                    const std::optional<imaging::TissueMixture>& tissues) const {
    const int height = slices.front().height, width = slices.front().width;
    std::vector<float> pixels;
    for (const imaging::Image& slice : slices) {
        const std::vector<float> values = network_input(slice, tissues);
        pixels.insert(pixels.end(), values.begin(), values.end());
    }
    const Tensor input = Tensor::from<float>(
        {static_cast<std::int64_t>(slices.size()), height, width, input_channels(tissues)}, pixels,
        network_.store->values().device());
    pixels = infer(*network_.model, input, options_).to_vector<float>();
    Slices out;
    for (auto first = pixels.begin(); first != pixels.end(); first += std::ptrdiff_t{height} * width) {
        out.emplace_back(height, width);
        std::copy_n(first, out.back().pixels.size(), out.back().pixels.begin());
    }
    return out;
}

}  // namespace dnsp
