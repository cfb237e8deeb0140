#include "imaging/through_plane.hpp"

#include <algorithm>
#include <cmath>

#include "base/options_json.hpp"
#include "imaging/degradation.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

/// The dense row k of a map.
std::vector<double> row_of(const AxisResampler& map, int k) {
    std::vector<double> row(static_cast<std::size_t>(map.input_size));
    for (int t = 0; t < map.taps; ++t) {
        const auto tap = static_cast<std::size_t>(k * map.taps + t);
        row[static_cast<std::size_t>(map.index[tap])] += map.weight[tap];
    }
    return row;
}

/// The weights of a slice by the midpoint rule on a fine grid of millimetres.
std::vector<double> integrated_row(int size, double voxel, double middle, double (*sensitivity)(double)) {
    constexpr int parts = 4000;
    std::vector<double> row(static_cast<std::size_t>(size));
    double sum = 0.0;
    for (int i = 0; i < size; ++i)
        for (int p = 0; p < parts; ++p) {
            const double value = sensitivity((i + (p + 0.5) / parts) * voxel - middle);
            row[static_cast<std::size_t>(i)] += value;
            sum += value;
        }
    for (double& weight : row) weight /= sum;
    return row;
}

double largest_difference_of(const std::vector<double>& a, const std::vector<double>& b) {
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

}  // namespace

TEST_CASE("slices of a box profile are means of the voxels that they cover") {
    const AxisResampler four = thick_slices(9, 1.0, {4.0, 4.0, SliceProfile::box});
    REQUIRE(four.output_size == 2);
    CHECK(largest_difference_of(row_of(four, 1), {0, 0, 0, 0, .25, .25, .25, .25, 0}) <= 1e-12);
    // Thickness 2 mm in cells of 5 mm: a gap. The second slice covers 6.5 to 8.5 mm.
    const AxisResampler gap = thick_slices(10, 1.0, {2.0, 5.0, SliceProfile::box});
    CHECK(largest_difference_of(row_of(gap, 1), {0, 0, 0, 0, 0, 0, .25, .5, .25, 0}) <= 1e-12);
    // Thickness 4 mm in cells of 2 mm: overlap. The second slice covers 1 to 5 mm.
    const AxisResampler overlap = thick_slices(8, 1.0, {4.0, 2.0, SliceProfile::box});
    CHECK(overlap.output_size == 4);
    CHECK(largest_difference_of(row_of(overlap, 1), {0, .25, .25, .25, .25, 0, 0, 0}) <= 1e-12);
}

TEST_CASE("profiles are integrated over each voxel, for any ratio") {
    const auto gaussian = [](double z) { return std::exp(-0.5 * std::pow(z * 2.354820045 / 3.7, 2)); };
    const AxisResampler smooth = thick_slices(40, 0.9, {3.7, 4.1, SliceProfile::gaussian});
    REQUIRE(smooth.output_size == 8);
    CHECK(largest_difference_of(row_of(smooth, 3), integrated_row(40, 0.9, 3.5 * 4.1, gaussian)) <= 1e-4);
    // A triangle that is not symmetric.
    const auto triangle = [](double z) {
        return z < -1.0 || z > 2.0 ? 0.0 : z < 0.0 ? 1.0 + z : 1.0 - 0.5 * z;
    };
    const ThroughPlane measured{3.0, 3.0, SliceProfile::measured, {{-1.0, 0.0}, {0.0, 1.0}, {2.0, 0.0}}};
    CHECK(largest_difference_of(row_of(thick_slices(20, 0.7, measured), 2),
                                integrated_row(20, 0.7, 2.5 * 3.0, triangle)) <= 1e-6);
}

TEST_CASE("thick and thin slices keep positions: a ramp stays a ramp away from the borders") {
    Image ramp(60, 3);
    for (int y = 0; y < 60; ++y)
        for (int x = 0; x < 3; ++x) ramp.at(y, x) = static_cast<float>(0.9 * (y + 0.5));  // mm from the edge
    Degradation degradation = make_degradation(through_plane_preset, 1);
    degradation.through_plane = ThroughPlane{4.0, 5.0, SliceProfile::gaussian};
    const Image thick = degrade(ramp, degradation, 1.0, 0.9);
    REQUIRE(thick.height == 10);  // 54 mm
    REQUIRE(thick.width == 3);
    for (int k = 2; k < 8; ++k) CHECK(std::abs(thick.at(k, 1) - 5.0 * (k + 0.5)) <= 1e-3);
    const Image thin = enlarge(thick, degradation, 0.9);
    REQUIRE(thin.height == 55);  // 50 mm
    const Image covered = crop_to_covered(ramp, degradation, 0.9);
    REQUIRE(covered.height == 55);
    for (int y = 20; y < 35; ++y) CHECK(std::abs(thin.at(y, 2) - covered.at(y, 2)) <= 1e-3);
    CHECK(thin_slice_count(41, 1.0, 4.0) == 164);
    CHECK(thin_slice_count(30, 0.9, 5.0) == 166);
}

TEST_CASE("a through-plane acquisition needs positive numbers, a rising profile and a slice that fits") {
    const auto says = [](const ThroughPlane& acquisition) {
        return complaint([&] { thick_slices(20, 1.0, acquisition); });
    };
    CHECK(contains(says({0.0, 4.0}), "thickness 0 mm"));
    CHECK(contains(says({4.0, std::nan("")}), "spacing nan mm"));
    CHECK(contains(says({4.0, 0.5}), "below the voxel size"));
    CHECK(contains(says({4.0, 30.0}), "less than one slice"));
    CHECK(contains(says({4.0, 4.0, SliceProfile::measured, {{0, 1}}}), "at least two samples"));
    CHECK(contains(says({4.0, 4.0, SliceProfile::measured, {{0, 1}, {0, 1}}}), "do not rise at sample 2"));
    CHECK(contains(says({4.0, 4.0, SliceProfile::measured, {{0, 1}, {1, -1}}}), "sample 2"));
    CHECK(contains(says({4.0, 4.0, SliceProfile::measured, {{0, 0}, {1, 0}}}), "0 everywhere"));
}

TEST_CASE("settings: the direction chooses preset and scale, and contradictions are refused") {
    DegradationSettings settings;
    dnsp::OptionReader reader({{"direction", "through-plane"}, {"through_plane", {{"thickness", 4.0}}}});
    settings.visit(reader);
    const Degradation degradation = settings.make();
    CHECK(degradation.scale == 1);
    CHECK(degradation.through_plane->spacing == 4.0);
    CHECK(describe(degradation).at("spacing_mm") == "4");
    CHECK(describe(degradation).at("profile") == "gaussian");
    settings.preset = "box";
    CHECK(contains(complaint([&] { settings.make(); }), "the preset box is in-plane"));
    settings.preset = through_plane_preset;
    settings.scale = 2;
    CHECK(contains(complaint([&] { settings.make(); }), "scale 2"));
    settings = {};
    settings.through_plane.thickness = 4.0;
    CHECK(contains(complaint([&] { settings.make(); }), "thickness = 4.0 needs --direction through-plane"));
    settings = {.preset = through_plane_preset, .scale = 1};
    CHECK(contains(complaint([&] { settings.make(); }), "is set by --direction"));
    CHECK(contains(complaint([&] { degradation_resampler(20, degradation); }), "one axis only"));
}

TEST_CASE("a measured profile is read from a file once and kept in the settings") {
    const Scratch scratch;
    const std::string path = scratch.file("profile.txt").string();
    ThroughPlaneSettings settings;
    settings.profile = SliceProfile::measured;
    settings.profile_file = path;
    const auto with = [&](const std::string& text) {
        std::ofstream(path) << text;
        return complaint([&] {
            settings.read_profile();
            settings.make();
        });
    };
    CHECK(contains(complaint([&] { settings.read_profile(); }), "profile.txt"));
    std::ofstream(path) << "# mm sensitivity\n-2.5 0\n\n0 1\r\n2.5 0\n";
    settings.read_profile();
    CHECK(settings.make().samples.size() == 3);
    CHECK(settings.make().thickness == 5.0);
    CHECK(settings.make().spacing == 5.0);
    CHECK(contains(with("-2 0\n1\n"), "\"1\" is not a position"));
    CHECK(contains(with("-2 0 7\n"), "\"-2 0 7\""));
    CHECK(contains(with(""), "needs a profile file with samples"));
    settings.profile = SliceProfile::box;
    CHECK(contains(complaint([&] { settings.make(); }), "needs the profile measured"));
}
