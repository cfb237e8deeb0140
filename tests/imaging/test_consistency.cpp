#include "imaging/consistency.hpp"

#include <cmath>

#include "base/philox.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
    const dnsp::Philox random{seed, 0};
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.uniform(i));
    return values;
}

Image random_image(int height, int width, std::uint64_t seed) {
    Image image(height, width);
    image.pixels = random_values(image.pixels.size(), seed);
    return image;
}

double squared_distance(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
    return sum;
}

/// D of a volume whose slices 3 mm thick and 3.5 mm apart lie along `axis`, by a plain sum over voxels of 1
/// mm.
Volume box_slices(const Volume& truth, int axis) {
    const int count = static_cast<int>(truth.size[static_cast<std::size_t>(axis)] / 3.5);
    Volume low = changed_spacing(truth, axis, count, 3.5);
    for (int k = 0; k < count; ++k) {
        Image sum = extract_slice(low, axis, k);
        const double from = (k + 0.5) * 3.5 - 1.5, to = from + 3.0;
        for (int i = 0; i < slice_count(truth, axis); ++i) {
            const double overlap =
                std::max(0.0, std::min(to, i + 1.0) - std::max(from, static_cast<double>(i)));
            const Image slice = extract_slice(truth, axis, i);
            for (std::size_t p = 0; p < sum.pixels.size(); ++p)
                sum.pixels[p] += static_cast<float>(overlap / 3.0 * slice.pixels[p]);
        }
        insert_slice(low, axis, k, sum);
    }
    return low;
}

}  // namespace

TEST_CASE("a corrected slice agrees with the scan and is the orthogonal projection") {
    for (const std::string& preset : degradation_presets())
        for (const int scale : {2, 3}) {
            INFO(preset << " x" << scale);
            const Degradation degradation = make_degradation(preset, scale);
            const Image truth = random_image(24, 36, 1), result = random_image(24, 36, 2);
            const Image low = AcquisitionModel(degradation_resampler(24, degradation),
                                               degradation_resampler(36, degradation))
                                  .acquired(truth);
            const Image residual = acquisition_residual(result, low, degradation);
            CHECK(root_mean_square(residual.pixels) > 0.01);
            Image corrected = result;
            correct(corrected, residual, degradation, 1.0);
            CHECK(root_mean_square(acquisition_residual(corrected, low, degradation).pixels) < 1e-6);
            // Pythagoras: the truth agrees too.
            const double before = squared_distance(result.pixels, truth.pixels),
                         after = squared_distance(corrected.pixels, truth.pixels),
                         moved = squared_distance(corrected.pixels, result.pixels);
            CHECK(std::abs(before - after - moved) < 1e-4 * before);
        }
}

TEST_CASE("thick slices are reproduced for any ratio and along any axis") {
    Degradation degradation = make_degradation(through_plane_preset, 1);
    degradation.through_plane = ThroughPlane{3.0, 3.5, SliceProfile::box};
    for (int axis = 0; axis < 3; ++axis) {
        Volume truth;
        truth.size = {9, 8, 7};
        truth.size[static_cast<std::size_t>(axis)] = 22;  // 21 mm are covered
        truth.voxel_size_mm = {1.0, 1.0, 1.0};
        truth.voxels =
            random_values(static_cast<std::size_t>(truth.size[0] * truth.size[1] * truth.size[2]), 3);
        const Volume low = box_slices(truth, axis);
        Volume high = changed_spacing(low, axis, thin_slice_count(6, 1.0, 3.5), 1.0);
        REQUIRE(high.size[static_cast<std::size_t>(axis)] == 21);
        for (int i = 0; i < 21; ++i) insert_slice(high, axis, i, extract_slice(truth, axis, i));
        CHECK(root_mean_square(acquisition_residual(high, low, axis, degradation).voxels) < 1e-6);

        high.voxels = random_values(high.voxels.size(), 4);
        Volume residual = acquisition_residual(high, low, axis, degradation);
        const double rms = root_mean_square(residual.voxels);
        CHECK(rms > 0.01);
        correct(high, residual, axis, degradation, correcting_share(residual.voxels, 0.25 * rms));
        residual = acquisition_residual(high, low, axis, degradation);
        CHECK(std::abs(root_mean_square(residual.voxels) - 0.25 * rms) < 1e-5);
        correct(high, residual, axis, degradation, 1.0);
        CHECK(root_mean_square(acquisition_residual(high, low, axis, degradation).voxels) < 1e-6);
    }
}

TEST_CASE("a residual below the noise is left alone; what has no linear model or another size is refused") {
    const std::vector<float> residual{0.1f, -0.1f};
    CHECK(correcting_share(residual, 0.2) == 0.0);
    CHECK(correcting_share(residual, 0.0) == 1.0);
    CHECK(root_mean_square({}) == 0.0);
    const Image image(8, 8, 1.0f);
    for (const char* preset : {"low-field", pairs_preset})
        CHECK(contains(complaint([&] { acquisition_residual(image, image, make_degradation(preset, 1)); }),
                       "no linear model"));
    CHECK(contains(complaint([&] { acquisition_residual(image, image, make_degradation("box", 2)); }),
                   "4×4 pixels, the scan 8×8"));
    for (const auto& [height, width] : {std::pair{4, 5}, {5, 4}})
        CHECK(contains(
            complaint([&] { acquisition_residual(image, Image(height, width), make_degradation("box", 2)); }),
            "4×4 pixels, the scan "));
    Volume high, low;
    high.size = {8, 8, 3};
    low.size = {4, 4, 2};
    CHECK(contains(complaint([&] { acquisition_residual(high, low, 2, make_degradation("box", 2)); }),
                   "the result has 3 slices, the scan 2"));
    Degradation thick = make_degradation(through_plane_preset, 1);
    thick.through_plane = ThroughPlane{4.0, 4.0};
    CHECK(contains(complaint([&] { acquisition_residual(image, image, thick); }), "need a volume"));
}
