#include "inference/through_plane_upscaler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "imaging/through_plane.hpp"
#include "tests/catch.hpp"
#include "tests/inference/saved_network.hpp"
#include "tests/synthetic_head.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// The file of a network for slices 4 mm apart.
TensorFile for_thick_slices(TensorFile file) {
    auto settings = nlohmann::json::parse(file.metadata.at("dnsp.settings"));
    settings["direction"] = "through-plane";
    settings["scale"] = 1;
    settings["preset"] = "through-plane";
    settings["through_plane"] = {{"thickness", 4.0}};
    file.metadata["dnsp.settings"] = settings.dump();
    return file;
}

imaging::Volume thick_volume(int axis) {
    imaging::Volume volume = synthetic_head(axis == 0 ? 7 : 20, axis == 1 ? 7 : 18, axis == 2 ? 7 : 22);
    volume.voxel_size_mm = {1.0, 1.0, 1.0};
    volume.voxel_size_mm[static_cast<std::size_t>(axis)] = 4.0;
    return volume;
}

constexpr auto nothing = [](int) {};

}  // namespace

TEST_CASE("without a network, thick slices are interpolated along their axis") {
    for (int axis = 0; axis < 3; ++axis) {
        imaging::Volume low = thick_volume(axis);
        low.voxel_size_mm[axis == 1 ? 0 : 1] = 1.5;  // The slices become as thin as the smaller pixel side.
        const ThroughPlaneUpscaler upscaler(std::nullopt, 0.0);
        std::vector<int> progress;
        const imaging::Volume high = upscaler.upscale(low, axis, [&](int done) { progress.push_back(done); });
        auto size = low.size;
        size[static_cast<std::size_t>(axis)] = 28;
        REQUIRE(high.size == size);
        auto voxel_size = low.voxel_size_mm;
        voxel_size[static_cast<std::size_t>(axis)] = 1.0;
        CHECK(high.voxel_size_mm == voxel_size);
        std::vector<int> all(static_cast<std::size_t>(upscaler.slices(low, axis)));
        std::iota(all.begin(), all.end(), 1);
        CHECK(progress == all);
        // Keys' cubic by its definition, at the positions (j + ½)/4 − ½ of thick slices.
        const auto cubic = [](double x) {
            const double d = std::abs(x);
            if (d < 1.0) return 1.5 * d * d * d - 2.5 * d * d + 1.0;
            if (d < 2.0) return -0.5 * d * d * d + 2.5 * d * d - 4.0 * d + 2.0;
            return 0.0;
        };
        double largest = 0.0;
        for (int j = 8; j < 20; ++j) {
            const imaging::Image slice = imaging::extract_slice(high, axis, j);
            std::vector<double> sum(slice.pixels.size());
            for (int k = 0; k < 7; ++k) {
                const imaging::Image thick = imaging::extract_slice(low, axis, k);
                for (std::size_t i = 0; i < sum.size(); ++i)
                    sum[i] += cubic((j + 0.5) / 4.0 - 0.5 - k) * thick.pixels[i];
            }
            for (std::size_t i = 0; i < sum.size(); ++i)
                largest = std::max(largest, std::abs(sum[i] - slice.pixels[i]));
        }
        CHECK(largest < 1e-3);
    }
}

TEST_CASE("the result is the mean of the network's two directions") {
    TemporaryFolder folder;
    const ModelOptions options{"edsr", 1, 4, true};
    const SavedNetwork saved(options, folder / "w.safetensors");
    write_safetensors(folder / "w.safetensors", for_thick_slices(weights_file_of(options, saved.store)));
    const auto load = [&] { return Upscaler(load_network(folder / "w.safetensors", test_device())); };
    const ThroughPlaneUpscaler upscaler(load(), 2.0);
    CHECK(upscaler.trained_spacing_mm() == 4.0);
    CHECK_FALSE(upscaler.accepts_pictures());
    const Upscaler network = load();
    const imaging::Volume low = thick_volume(1);
    std::vector<int> progress;
    const imaging::Volume high = upscaler.upscale(low, 1, [&](int done) { progress.push_back(done); });
    REQUIRE(high.size == std::array<int, 3>{20, 14, 22});
    CHECK(progress.back() == upscaler.slices(low, 1));
    CHECK(upscaler.slices(low, 1) == 42);
    const imaging::Volume interpolated = ThroughPlaneUpscaler(std::nullopt, 2.0).upscale(low, 1, nothing);
    const auto normalisation = imaging::percentile_normalisation(low.voxels, "volume");
    const auto enhanced = [&](int across, int index) {
        return network.enhance(imaging::extract_oriented_slice(interpolated, across, 1, index),
                               normalisation);
    };
    double largest = 0.0;
    for (int x = 0; x < 20; ++x) {
        const imaging::Image one = enhanced(0, x);
        const imaging::Image both = imaging::extract_oriented_slice(high, 0, 1, x);
        for (int z = 0; z < 22; ++z) {
            const imaging::Image other = enhanced(2, z);
            for (int y = 0; y < 14; ++y)
                largest = std::max(largest, std::abs(0.5 * (one.at(y, z) + other.at(y, x)) -
                                                     static_cast<double>(both.at(y, z))));
        }
    }
    CHECK(largest < 1e-2);  // of intensities up to 800
}

TEST_CASE("an ensemble through-plane averages four mirrored results in each direction") {
    TemporaryFolder folder;
    const ModelOptions options{"edsr", 1, 4, true};
    const SavedNetwork saved(options, folder / "w.safetensors");
    write_safetensors(folder / "w.safetensors", for_thick_slices(weights_file_of(options, saved.store)));
    const auto load = [&](bool ensemble) {
        return Upscaler(load_network(folder / "w.safetensors", test_device()), {.ensemble = ensemble});
    };
    // Mirroring the volume mirrors the ensemble, but not a single result. 28 mm hold whole cells from both
    // ends.
    const imaging::Volume low = thick_volume(1);
    imaging::Volume mirrored = low;
    for (int y = 0; y < 7; ++y) imaging::insert_slice(mirrored, 1, y, imaging::extract_slice(low, 1, 6 - y));
    const auto difference = [&](bool ensemble) {
        const ThroughPlaneUpscaler upscaler(load(ensemble), 1.0);
        const imaging::Volume a = upscaler.upscale(low, 1, nothing),
                              b = upscaler.upscale(mirrored, 1, nothing);
        double largest = 0.0;
        for (int y = 0; y < 28; ++y) {
            const imaging::Image one = imaging::extract_slice(a, 1, y),
                                 two = imaging::extract_slice(b, 1, 27 - y);
            for (std::size_t i = 0; i < one.pixels.size(); ++i)
                largest = std::max(largest, std::abs(static_cast<double>(one.pixels[i]) - two.pixels[i]));
        }
        return largest;
    };
    CHECK(difference(true) < 1e-2);
    CHECK(difference(false) > 1.0);
    imaging::Volume spread;
    CHECK_THROWS_WITH(ThroughPlaneUpscaler(std::nullopt, 1.0).upscale(low, 1, nothing, &spread),
                      ContainsSubstring("no spread"));
}

TEST_CASE("the spread through-plane is the standard deviation of the eight results") {
    if (test_device().kind != DeviceKind::cpu) DNSP_SKIP("the CUDA emulator is slow; the CPU has this case");
    TemporaryFolder folder;
    const ModelOptions options{"edsr", 1, 4, true};
    const SavedNetwork saved(options, folder / "w.safetensors");
    write_safetensors(folder / "w.safetensors", for_thick_slices(weights_file_of(options, saved.store)));
    const auto load = [&](bool ensemble) {
        return Upscaler(load_network(folder / "w.safetensors", test_device()), {.ensemble = ensemble});
    };
    const imaging::Volume low = thick_volume(1);
    imaging::Volume spread;
    const imaging::Volume mean = ThroughPlaneUpscaler(load(true), 2.0).upscale(low, 1, nothing, &spread);
    REQUIRE(spread.size == mean.size);
    // Each direction, with its slices mirrored by plain loops.
    const Upscaler single = load(false);
    const imaging::Volume interpolated = ThroughPlaneUpscaler(std::nullopt, 2.0).upscale(low, 1, nothing);
    const auto normalisation = imaging::percentile_normalisation(low.voxels, "volume");
    std::vector<imaging::Volume> results;
    for (const int across : {0, 2})
        for (const bool up : {false, true})
            for (const bool left : {false, true}) {
                const auto mirrored = [&](const imaging::Image& image) {
                    imaging::Image out(image.height, image.width);
                    for (int y = 0; y < image.height; ++y)
                        for (int x = 0; x < image.width; ++x)
                            out.at(up ? image.height - 1 - y : y, left ? image.width - 1 - x : x) =
                                image.at(y, x);
                    return out;
                };
                results.push_back(interpolated);
                for (int i = 0; i < imaging::slice_count(low, across); ++i) {
                    const imaging::Image slice = imaging::extract_oriented_slice(interpolated, across, 1, i);
                    imaging::insert_oriented_slice(results.back(), across, 1, i,
                                                   mirrored(single.enhance(mirrored(slice), normalisation)));
                }
            }
    double wrong_mean = 0.0, wrong_deviation = 0.0, largest = 0.0;
    for (std::size_t i = 0; i < mean.voxels.size(); ++i) {
        double sum = 0.0, squares = 0.0;
        for (const imaging::Volume& result : results) sum += result.voxels[i] / 8.0;
        for (const imaging::Volume& result : results)
            squares += (result.voxels[i] - sum) * (result.voxels[i] - sum) / 8.0;
        wrong_mean = std::max(wrong_mean, std::abs(mean.voxels[i] - sum));
        wrong_deviation = std::max(wrong_deviation, std::abs(spread.voxels[i] - std::sqrt(squares)));
        largest = std::max(largest, std::sqrt(squares));
    }
    CHECK(wrong_mean < 1e-2);  // of intensities up to 800
    CHECK(wrong_deviation < 0.02 * largest);
}

TEST_CASE("a scan unlike those of the training is described") {
    TemporaryFolder folder;
    const ModelOptions options{"edsr", 1, 4, true};
    const SavedNetwork saved(options, folder / "w.safetensors");
    imaging::Volume low = thick_volume(1);
    low.voxel_size_mm = {0.8, 4.0, 1.6};
    // Slices in both directions contain the thick axis. Statistics are of those that cross the first other
    // axis, whose rows are the thick slices and whose columns lie along the last axis.
    imaging::ScanStatistics statistics = imaging::scan_statistics(
        [&] {
            std::vector<imaging::Image> slices;
            for (int x = 0; x < 20; ++x) slices.push_back(imaging::extract_oriented_slice(low, 0, 1, x));
            return slices;
        }(),
        imaging::percentile_normalisation(low.voxels, "volume"), 1.6);
    TensorFile file = for_thick_slices(weights_file_of(options, saved.store));
    file.metadata["dnsp.seen"] = to_json(seen_scans({statistics})).dump();
    write_safetensors(folder / "w.safetensors", file);
    const ThroughPlaneUpscaler upscaler(Upscaler(load_network(folder / "w.safetensors", test_device())), 1.0);
    CHECK(upscaler.unlike_training(low, 1).empty());
    CHECK(ThroughPlaneUpscaler(std::nullopt, 1.0).unlike_training(low, 1).empty());
    low.voxel_size_mm[2] = 0.8;
    CHECK(upscaler.unlike_training(low, 1) == std::vector<std::string>{"pixels of 0.8 mm, not 1.6 mm"});
}

TEST_CASE("new slices that are not finer, in-plane networks and pictures are refused") {
    TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 1, 4, true}, folder / "w.safetensors");
    CHECK_THROWS_WITH(
        ThroughPlaneUpscaler(Upscaler(load_network(folder / "w.safetensors", test_device())), 1.0),
        ContainsSubstring("not trained for thick slices"));
    imaging::Volume low = thick_volume(2);
    low.path = "scan.nii";
    CHECK_THROWS_WITH(ThroughPlaneUpscaler(std::nullopt, 4.0).upscale(low, 2, nothing),
                      ContainsSubstring("scan.nii: its slices are 4 mm apart"));
    imaging::Volume one_slice = synthetic_head(20, 18, 2);
    one_slice.size[2] = 1;
    one_slice.voxels.resize(20 * 18);
    one_slice.voxel_size_mm = {1.0, 1.0, 4.0};
    CHECK_THROWS_WITH(ThroughPlaneUpscaler(std::nullopt, 1.0).upscale(one_slice, 2, nothing),
                      ContainsSubstring("holds one slice"));
    CHECK_THROWS_AS(ThroughPlaneUpscaler(std::nullopt, 1.0).upscale(imaging::Image(8, 8), {}), FileError);
}
