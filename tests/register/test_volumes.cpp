#include <algorithm>

#include "tests/catch.hpp"
#include "tests/register/phantom.hpp"
#include "tools/register/registration.hpp"

using namespace dnsp;
using namespace dnsp::testing;
using tools::add_warnings;
using tools::register_volumes;
using tools::Registration;

namespace {

// 2 mm voxels, stored left to right, back to front, feet to head; and 1.6 mm voxels of another extent.
const imaging::VoxelToWorld fixed_grid{{{2, 0, 0, -67}, {0, 2, 0, -81}, {0, 0, 2, -63}}};
const std::array<int, 3> fixed_size{68, 82, 64};
const imaging::VoxelToWorld moving_grid{{{1.6, 0, 0, -76.3}, {0, 1.6, 0, -93.1}, {0, 0, 1.6, -72.7}}};
const std::array<int, 3> moving_size{96, 116, 92};

imaging::Volume fixed_head() { return head_volume(fixed_size, fixed_grid, {}); }
imaging::Volume moving_head(const RigidMap& map, Contrast contrast = Contrast::same, double noise = 0.0) {
    return head_volume(moving_size, moving_grid, map, contrast, noise);
}

Point mapped(const Registration& r, const Point& x) {
    Point y{};
    for (std::size_t row = 0; row < 3; ++row)
        y[row] =
            r.matrix[row][0] * x[0] + r.matrix[row][1] * x[1] + r.matrix[row][2] * x[2] + r.matrix[row][3];
    return y;
}
double distance(const Point& a, const Point& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

struct Errors {
    double mean = 0.0, max = 0.0;
};
/// Distances over the head between where `found` and `expected` map a point.
template <class Found, class Expected>
Errors errors(const Found& found, const Expected& expected) {
    Errors result;
    const auto points = head_points();
    for (const Point& x : points) {
        const double d = distance(found(x), expected(x));
        result.mean += d / static_cast<double>(points.size());
        result.max = std::max(result.max, d);
    }
    return result;
}
Errors errors(const Registration& r, const RigidMap& map) {
    return errors([&](const Point& x) { return mapped(r, x); }, map);
}

}  // namespace

TEST_CASE("a known rigid transform is found for equal, changed and inverted contrast") {
    const RigidMap small = RigidMap::about({3, -2, 1.5}, {2.3, -1.7, 0.8});
    const RigidMap large = RigidMap::about({12, -8, 15}, {8, -12, 6});
    struct Case {
        RigidMap map;
        Contrast contrast;
    };
    for (const Case& c : {Case{small, Contrast::same}, Case{small, Contrast::root},
                          Case{small, Contrast::inverted}, Case{large, Contrast::same}}) {
        const auto result = register_volumes(fixed_head(), moving_head(c.map, c.contrast, 0.02), {});
        const Registration& r = result.registration;
        const Errors e = errors(r, c.map);
        CAPTURE(static_cast<int>(c.contrast), e.mean, e.max);
        CHECK(e.mean < 0.1);
        CHECK(e.max < 0.3);
        CHECK(r.mutual_information_after > r.mutual_information_before);
        CHECK(r.warnings.empty());
        CHECK(r.foreground_dice > 0.9);
        CHECK(r.levels.size() == 3);
    }
}

TEST_CASE("parameters are those of the known transform") {
    const RigidMap map = RigidMap::about({12, -8, 15}, {8, -12, 6});
    const Registration r = register_volumes(fixed_head(), moving_head(map), {}).registration;
    CHECK(r.rotation_degrees[0] == Approx(12).margin(0.1));
    CHECK(r.rotation_degrees[1] == Approx(-8).margin(0.1));
    CHECK(r.rotation_degrees[2] == Approx(15).margin(0.1));
    // SciPy: Rotation.from_euler("xyz", [12, -8, 15], degrees=True).magnitude() in degrees.
    CHECK(r.rotation_angle_degrees == Approx(21.3708).margin(0.1));
    const Point moved = map({r.centre[0], r.centre[1], r.centre[2]});
    for (std::size_t axis = 0; axis < 3; ++axis)
        CHECK(r.translation[axis] == Approx(moved[axis] - r.centre[axis]).margin(0.1));
}

TEST_CASE("a head is registered to itself by the identity") {
    const auto result = register_volumes(fixed_head(), fixed_head(), {});
    CHECK(errors(result.registration, RigidMap{}).max < 0.02);
    CHECK(result.registration.warnings.empty());
    CHECK(result.registration.view_overlap > 0.95);
}

TEST_CASE("registration in both directions gives inverse transforms") {
    const RigidMap map = RigidMap::about({3, -2, 1.5}, {2.3, -1.7, 0.8});
    const imaging::Volume a = fixed_head(), b = moving_head(map);
    const Registration there = register_volumes(a, b, {}).registration;
    const Registration back = register_volumes(b, a, {}).registration;
    const Errors e = errors([&](const Point& x) { return mapped(back, mapped(there, x)); },
                            [](const Point& x) { return x; });
    CAPTURE(e.mean, e.max);
    CHECK(e.max < 0.05);
}

TEST_CASE("a landmark lies at its place for other storage orders and oblique axes") {
    // The moving volume is stored head to feet, right to left, back to front, and is tilted by 10° about x.
    const double c = 1.6 * std::cos(10 * std::numbers::pi / 180),
                 s = 1.6 * std::sin(10 * std::numbers::pi / 180);
    const imaging::VoxelToWorld tilted{{{0, -1.6, 0, 76}, {s, 0, c, -101}, {-c, 0, s, 58}}};
    const RigidMap map = RigidMap::about({2, 1, -3}, {4, -3, 2});
    const imaging::Volume fixed = fixed_head();
    imaging::Volume moving = head_volume({92, 96, 116}, tilted, map);
    imaging::NiftiHeader header = *moving.header;
    header.fields.datatype = DT_INT16;
    header.fields.bitpix = 16;
    moving.header = std::make_shared<const imaging::NiftiHeader>(header);
    for (const auto interpolation : {tools::RegistrationOptions::Interpolation::cubic,
                                     tools::RegistrationOptions::Interpolation::linear}) {
        const auto result = register_volumes(fixed, moving, {.interpolation = interpolation});
        CHECK(errors(result.registration, map).max < 0.1);
        CHECK(result.volume.size == fixed.size);
        CHECK(imaging::voxel_to_world(result.volume) == imaging::voxel_to_world(fixed));
        CHECK(result.volume.header->fields.datatype == DT_INT16);
        // Inside, the resampled head is the head itself.
        double squares = 0.0, count = 0.0;
        for (int k = 8; k < 56; ++k)
            for (int j = 14; j < 68; ++j)
                for (int i = 12; i < 56; ++i) {
                    const std::size_t at = (static_cast<std::size_t>(k) * 82 + j) * 68 + i;
                    const double difference = result.volume.voxels[at] - fixed.voxels[at];
                    squares += difference * difference;
                    ++count;
                }
        CHECK(std::sqrt(squares / count) < 20.0);  // of 1000
    }
}

TEST_CASE("registration is bitwise reproducible") {
    const RigidMap map = RigidMap::about({3, -2, 1.5}, {2.3, -1.7, 0.8});
    const imaging::Volume fixed = fixed_head(), moving = moving_head(map, Contrast::inverted, 0.02);
    const auto first = register_volumes(fixed, moving, {}), second = register_volumes(fixed, moving, {});
    CHECK(first.registration.matrix == second.registration.matrix);
    CHECK(first.volume.voxels == second.volume.voxels);
}

TEST_CASE("what the moving image does not show is 0, and the overlap of the views says so") {
    imaging::Volume moving = moving_head({});
    // The lower half of the moving volume is cut off: its first slice lies at z = 0.9 mm.
    moving = head_volume({96, 116, 46}, {{{1.6, 0, 0, -76.3}, {0, 1.6, 0, -93.1}, {0, 0, 1.6, 0.9}}}, {});
    const auto result =
        register_volumes(fixed_head(), moving, {.start = tools::RegistrationOptions::Start::header});
    CHECK(errors(result.registration, RigidMap{}).max < 0.3);
    // Fixed slices at z = −63, −61 … 63 mm: 32 of 64 lie above 0.9 mm less half a voxel.
    CHECK(result.registration.view_overlap == Approx(0.5).margin(0.02));
    CHECK(result.volume.voxels[(std::size_t{10} * 82 + 41) * 68 + 34] == 0.0f);
}

TEST_CASE("volumes that do not overlap, and transforms other than rigid, are refused") {
    imaging::VoxelToWorld far = moving_grid;
    far[0][3] += 1000;
    RigidMap moved;
    moved.translation = {1000, 0, 0};
    const imaging::Volume moving = head_volume(moving_size, far, moved);
    CHECK_THROWS_WITH(
        register_volumes(fixed_head(), moving, {.start = tools::RegistrationOptions::Start::header}),
        ContainsSubstring("overlap"));
    const Registration r = register_volumes(fixed_head(), moving, {}).registration;
    CHECK(errors(r, moved).max < 0.3);
    REQUIRE(r.warnings.size() == 1);
    CHECK(r.warnings[0].find("translation") != std::string::npos);
    CHECK_THROWS_WITH(register_volumes(fixed_head(), moving, {.transform = tools::TransformKind::affine}),
                      ContainsSubstring("rigid"));
}

TEST_CASE("warnings name what is doubtful") {
    Registration good;
    good.translation = {1, 2, 3};
    good.foreground_dice = 0.95;
    good.mutual_information_before = 0.5;
    good.mutual_information_after = 0.8;
    good.levels.push_back({.iterations = 20});
    const auto warnings = [](Registration r) {
        add_warnings(r);
        return r.warnings;
    };
    CHECK(warnings(good).empty());
    const auto single = [&](auto change, const std::string& text) {
        Registration r = good;
        change(r);
        const auto found = warnings(r);
        REQUIRE(found.size() == 1);
        CHECK(found[0].find(text) != std::string::npos);
    };
    single([](Registration& r) { r.mutual_information_after = 0.4; }, "fell");
    single([](Registration& r) { r.rotation_angle_degrees = 31; }, "rotation");
    single([](Registration& r) { r.translation = {40, 30, 10}; }, "translation");
    single([](Registration& r) { r.scale = 5; }, "scale");
    single([](Registration& r) { r.levels.back() = {.iterations = 200, .out_of_iterations = true}; }, "200");
    single([](Registration& r) { r.foreground_dice = 0.5; }, "foregrounds");
}
