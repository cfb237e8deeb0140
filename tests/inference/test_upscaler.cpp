#include "inference/upscaler.hpp"

#include <cmath>

#include "imaging/resample.hpp"
#include "tests/catch.hpp"
#include "tests/inference/saved_network.hpp"
#include "tests/model_options.hpp"
#include "tests/synthetic_head.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("an image computed in tiles is bitwise identical to the image computed at once") {
    testing::TemporaryFolder folder;
    for (const ModelOptions& options :
         {ModelOptions{"srcnn", 0, 0, true}, ModelOptions{"edsr", 2, 16, true},
          ModelOptions{"edsr", 1, 5, false}, unshuffled_edsr(1, 16, 2), unshuffled_edsr(1, 5, 3)}) {
        INFO(options.name << " " << options.width);
        const SavedNetwork saved(options, folder / "w.safetensors");
        // The CUDA emulator is slow, so it computes a smaller image.
        const bool on_cpu = test_device().kind == DeviceKind::cpu;
        const std::vector<std::pair<int, int>> sizes =
            on_cpu ? std::vector<std::pair<int, int>>{{181, 217}, {64, 33}}
                   : std::vector<std::pair<int, int>>{{33, 29}};
        for (const auto& [height, width] : sizes) {
            const imaging::Volume volume = testing::synthetic_head(width, height, 2);
            std::vector<float> pixels(volume.voxels.begin(), volume.voxels.begin() + height * width);
            for (float& p : pixels) p /= 800.0f;
            const Tensor image = Tensor::from<float>({1, height, width, 1}, pixels, test_device());
            const auto whole = infer(*saved.model, image).to_vector<float>();
            for (int tile : on_cpu ? std::vector<int>{16, 37, 64, 100} : std::vector<int>{11, 16}) {
                INFO(height << "×" << width << " in tiles of " << tile);
                const bool same_bits = infer(*saved.model, image, {.tile = tile}).to_vector<float>() == whole;
                REQUIRE(same_bits);
            }
        }
    }
}

TEST_CASE("the slices of a volume are bitwise identical to slices computed one by one") {
    testing::TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 1, 4, true}, folder / "w.safetensors");
    for (const int axis : {0, 2}) {
        // More slices than one call of the network computes, and one in the last call.
        const imaging::Volume low =
            axis == 0 ? testing::synthetic_head(33, 9, 8) : testing::synthetic_head(9, 8, 16);
        const auto normalisation = imaging::percentile_normalisation(low.voxels, "volume");
        for (const InferenceOptions& options : {InferenceOptions{0, 3}, InferenceOptions{11, 0}}) {
            const Upscaler upscaler(load_network(folder / "w.safetensors", test_device()), options);
            std::vector<int> progress;
            const imaging::Volume high =
                upscaler.upscale(low, axis, [&](int done) { progress.push_back(done); });
            REQUIRE(progress.back() == imaging::slice_count(low, axis));
            REQUIRE(std::ranges::is_sorted(progress));
            REQUIRE(progress.front() > 0);
            REQUIRE(progress.size() == (axis == 0 ? 3u : 1u));
            REQUIRE(high.size[axis] == low.size[axis]);
            for (int i = 0; i < imaging::slice_count(low, axis); ++i)
                REQUIRE(imaging::extract_slice(high, axis, i).pixels ==
                        upscaler.upscale(imaging::extract_slice(low, axis, i), normalisation).pixels);
            REQUIRE_THROWS_AS(upscaler.upscale(low, axis, [](int) { throw Error("enough"); }), Error);
        }
    }
}

TEST_CASE("an ensemble is the mean over the eight symmetries, and its spread their standard deviation") {
    testing::TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 1, 4, true}, folder / "w.safetensors");
    const auto load = [&] { return load_network(folder / "w.safetensors", test_device()); };
    const Upscaler single(load()), ensemble(load(), {.ensemble = true});
    // More slices than one call of the network computes, except in the CUDA emulator, which is slow.
    const bool on_cpu = test_device().kind == DeviceKind::cpu;
    const int slice = on_cpu ? 16 : 1;
    const imaging::Volume low = testing::synthetic_head(9, 12, on_cpu ? 20 : 3);
    const auto normalisation = imaging::percentile_normalisation(low.voxels, "volume");
    imaging::Volume spread;
    const imaging::Volume high = ensemble.upscale(
        low, 2, [](int) {}, &spread);
    const imaging::Image enlarged = imaging::enlarge_bicubic(imaging::extract_slice(low, 2, slice), 2);
    // Mirrored and transposed by plain loops.
    std::vector<std::vector<float>> results;
    for (const bool transpose : {false, true})
        for (const bool up : {false, true})
            for (const bool left : {false, true}) {
                const auto place = [&](int y, int x) {
                    return std::pair{up ? enlarged.height - 1 - y : y, left ? enlarged.width - 1 - x : x};
                };
                imaging::Image turned = transpose ? imaging::Image(enlarged.width, enlarged.height)
                                                  : imaging::Image(enlarged.height, enlarged.width);
                for (int y = 0; y < enlarged.height; ++y)
                    for (int x = 0; x < enlarged.width; ++x) {
                        const auto [v, u] = place(y, x);
                        (transpose ? turned.at(u, v) : turned.at(v, u)) = enlarged.at(y, x);
                    }
                const imaging::Image result = single.enhance(turned, normalisation);
                results.emplace_back();
                for (int y = 0; y < enlarged.height; ++y)
                    for (int x = 0; x < enlarged.width; ++x) {
                        const auto [v, u] = place(y, x);
                        results.back().push_back(transpose ? result.at(u, v) : result.at(v, u));
                    }
            }
    const imaging::Image mean = imaging::extract_slice(high, 2, slice),
                         deviation = imaging::extract_slice(spread, 2, slice);
    double wrong_mean = 0.0, wrong_deviation = 0.0, largest = 0.0;
    for (std::size_t i = 0; i < mean.pixels.size(); ++i) {
        double sum = 0.0, squares = 0.0;
        for (const auto& result : results) sum += result[i] / 8.0;
        for (const auto& result : results) squares += (result[i] - sum) * (result[i] - sum) / 8.0;
        wrong_mean = std::max(wrong_mean, std::abs(mean.pixels[i] - sum));
        wrong_deviation = std::max(wrong_deviation, std::abs(deviation.pixels[i] - std::sqrt(squares)));
        largest = std::max(largest, std::sqrt(squares));
    }
    CHECK(wrong_mean < 1e-2);  // of intensities up to 800
    CHECK(wrong_deviation < 0.02 * largest);
    CHECK_THROWS_WITH(single.upscale(
                          low, 2, [](int) {}, &spread),
                      ContainsSubstring("an ensemble has"));
}

TEST_CASE("a volume unlike those of the training is described") {
    testing::TemporaryFolder folder;
    const ModelOptions options{"edsr", 1, 4, true};
    const SavedNetwork saved(options, folder / "w.safetensors");
    imaging::Volume low = testing::synthetic_head(20, 18, 7);
    low.voxel_size_mm = {0.8, 1.6, 4.0};
    std::vector<imaging::Image> slices;
    for (int z = 0; z < 7; ++z) slices.push_back(imaging::extract_slice(low, 2, z));
    TensorFile file = weights_file_of(options, saved.store);
    file.metadata["dnsp.seen"] =
        to_json(seen_scans({imaging::scan_statistics(
                    slices, imaging::percentile_normalisation(low.voxels, "volume"), 0.8)}))
            .dump();
    write_safetensors(folder / "w.safetensors", file);
    const Upscaler upscaler(load_network(folder / "w.safetensors", test_device()));
    CHECK(upscaler.unlike_training(low, 2).empty());
    low.voxel_size_mm[0] = 1.6;
    CHECK(upscaler.unlike_training(low, 2) == std::vector<std::string>{"pixels of 1.6 mm, not 0.8 mm"});
}

TEST_CASE("LFMRI upscales a skull-stripped volume with its tissues, in tiles and at once alike") {
    testing::TemporaryFolder folder;
    const SavedNetwork saved({"lfmri", 0, 0, true}, folder / "w.safetensors");
    imaging::Volume low = testing::synthetic_head(13, 11, 18);
    const Upscaler whole(load_network(folder / "w.safetensors", test_device())),
        tiled(load_network(folder / "w.safetensors", test_device()), {.tile = 9, .batch = 2});
    const imaging::Volume high = whole.upscale(low, 2, [](int) {});
    CHECK(tiled.upscale(low, 2, [](int) {}).voxels == high.voxels);
    // Slice by slice, with the mixture that the low-resolution volume determines.
    const auto normalisation = imaging::percentile_normalisation(low.voxels, "volume");
    std::vector<float> normalised = low.voxels;
    imaging::normalise(normalised, normalisation);
    const auto tissues = imaging::fit_tissue_mixture(normalised, "volume");
    for (int z = 0; z < 18; ++z) {
        const imaging::Image enlarged = imaging::enlarge_bicubic(imaging::extract_slice(low, 2, z), 2);
        CHECK(imaging::extract_slice(high, 2, z).pixels ==
              whole.enhance(enlarged, normalisation, tissues).pixels);
    }
    CHECK_FALSE(whole.accepts_pictures());
    CHECK_THROWS_AS(whole.upscale(imaging::extract_slice(low, 2, 9), normalisation), Error);
    low.voxel_size_mm = {20.0, 20.0, 20.0};
    CHECK_THROWS_AS(whole.upscale(low, 2, [](int) {}), FileError);
}

TEST_CASE("an upscaler whose network starts at zero is bicubic enlargement in stored intensities") {
    testing::TemporaryFolder folder;
    const ModelOptions options{"srcnn", 0, 0, true};
    ParameterStore store;
    const auto model = make_model(options, store);
    store.allocate(DType::float32, test_device(), 1);
    write_safetensors(folder / "w.safetensors", weights_file_of(options, store));
    const Upscaler upscaler(load_network(folder / "w.safetensors", {}));
    const imaging::Image slice = imaging::extract_slice(testing::synthetic_head(), 2, 20);
    const auto normalisation = imaging::percentile_normalisation(slice.pixels, "slice");
    const imaging::Image enlarged = imaging::enlarge_bicubic(slice, 2),
                         result = upscaler.upscale(slice, normalisation);
    REQUIRE(result.height == 2 * slice.height);
    for (std::size_t i = 0; i < result.pixels.size(); ++i)
        REQUIRE(std::abs(result.pixels[i] - enlarged.pixels[i]) <= 1e-6f * 1000.0f);
}
