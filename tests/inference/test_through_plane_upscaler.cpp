#include "inference/through_plane_upscaler.hpp"

#include <algorithm>
#include <cmath>

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
        const imaging::Volume low = thick_volume(axis);
        const ThroughPlaneUpscaler upscaler(std::nullopt, 0.0);
        const imaging::Volume high = upscaler.upscale(low, axis, nothing);
        auto size = low.size;
        size[static_cast<std::size_t>(axis)] = 28;
        REQUIRE(high.size == size);
        CHECK(high.voxel_size_mm == std::array<double, 3>{1.0, 1.0, 1.0});
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
    const imaging::Volume mean = ThroughPlaneUpscaler(load(true), 1.0).upscale(low, 1, nothing, &spread);
    CHECK(spread.size == mean.size);
    CHECK(*std::max_element(spread.voxels.begin(), spread.voxels.end()) > 1.0f);
    CHECK_THROWS_WITH(ThroughPlaneUpscaler(std::nullopt, 1.0).upscale(low, 1, nothing, &spread),
                      Catch::Contains("no spread"));
}

TEST_CASE("new slices that are not finer, in-plane networks and pictures are refused") {
    TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 1, 4, true}, folder / "w.safetensors");
    CHECK_THROWS_WITH(
        ThroughPlaneUpscaler(Upscaler(load_network(folder / "w.safetensors", test_device())), 1.0),
        Catch::Contains("not trained for thick slices"));
    imaging::Volume low = thick_volume(2);
    low.path = "scan.nii";
    CHECK_THROWS_WITH(ThroughPlaneUpscaler(std::nullopt, 4.0).upscale(low, 2, nothing),
                      Catch::Contains("scan.nii: its slices are 4 mm apart"));
    CHECK_THROWS_AS(ThroughPlaneUpscaler(std::nullopt, 1.0).upscale(imaging::Image(8, 8), {}), FileError);
}
