#include "training/self_supervision.hpp"

#include "inference/trained_network.hpp"
#include "tests/catch.hpp"
#include "tests/synthetic_head.hpp"
#include "tests/test_device.hpp"
#include "tests/training/small_run.hpp"

using namespace dnsp;
using dnsp::testing::bytes_of;
using dnsp::testing::test_device;

namespace {

/// Ten slices 4 mm apart.
imaging::Volume thick_scan() {
    imaging::Volume scan = testing::synthetic_head(64, 56, 10);
    scan.voxel_size_mm = {1.0, 1.0, 4.0};
    scan.path = "scan.nii";
    return scan;
}

/// The settings for the scan with a small network on small patches.
TrainingSettings small_settings_of(const imaging::Volume& scan, const SelfSupervision& options) {
    TrainingSettings settings = self_supervised_settings(scan, 2, options);
    settings.model = {"edsr", 1, 4, true};
    settings.batch = 4;
    settings.patch = 16;
    return settings;
}

std::filesystem::path train(const SelfSupervision& options, const std::filesystem::path& folder,
                            const std::function<void(const SelfSupervisionProgress&)>& watch,
                            const std::function<bool()>& stop) {
    const imaging::Volume scan = thick_scan();
    return train_on_scan(scan, small_settings_of(scan, options), options.minutes, test_device(), folder,
                         "command", watch, stop);
}

constexpr auto unwatched = [](const SelfSupervisionProgress&) {};
constexpr auto never = [] { return false; };

}  // namespace

TEST_CASE("the settings of self-supervision are those of the scan") {
    const TrainingSettings settings = self_supervised_settings(thick_scan(), 2, {.steps = 3});
    const imaging::Degradation degradation = settings.degradation.make();
    REQUIRE(degradation.through_plane->spacing == 4.0);
    REQUIRE(degradation.through_plane->thickness == 4.0);
    REQUIRE(settings.steps == 3);
    REQUIRE(settings.axis == 2);
    const auto thinner = self_supervised_settings(thick_scan(), 2, {.thickness_mm = 3.0});
    REQUIRE(thinner.degradation.make().through_plane->thickness == 3.0);
    imaging::Volume scan = thick_scan();
    scan.voxel_size_mm = {1.0, 4.0, 4.0};
    REQUIRE_THROWS_WITH(self_supervised_settings(scan, 2, {}),
                        ContainsSubstring("scan.nii") && ContainsSubstring("do not show what is missing"));
}

TEST_CASE("a number of steps gives the same weights again, for the scan's acquisition") {
    testing::TemporaryFolder folder;
    const SelfSupervision options{.steps = 3};
    std::vector<std::int64_t> steps;
    const auto watch = [&](const SelfSupervisionProgress& p) {
        steps.push_back(p.step);
        REQUIRE(p.total_steps == 3);
    };
    const auto first = train(options, folder / "a", watch, never);
    REQUIRE(steps == std::vector<std::int64_t>{1, 2, 3});
    const auto second = train(options, folder / "b", unwatched, never);
    REQUIRE(bytes_of(first) == bytes_of(second));
    const TrainedNetwork network = load_network(first, test_device());
    REQUIRE(network.degradation.through_plane->spacing == 4.0);
    const auto other = train({.steps = 3, .seed = 2}, folder / "c", unwatched, never);
    REQUIRE(bytes_of(first) != bytes_of(other));
}

TEST_CASE("a time gives at least one step, or a refusal if applying the network takes most of it") {
    if (test_device().kind != DeviceKind::cpu) DNSP_SKIP("the emulator is too slow for a time");
    testing::TemporaryFolder folder;
    std::int64_t total = 0;
    const auto path = train(
        {.minutes = 0.1}, folder / "a", [&](const SelfSupervisionProgress& p) { total = p.total_steps; },
        never);
    REQUIRE(total > 8);
    REQUIRE(load_network(path, test_device()).degradation.through_plane.has_value());
    REQUIRE_THROWS_WITH(train({.minutes = 1e-5}, folder / "b", unwatched, never),
                        ContainsSubstring("--minutes 1e-05"));
}

TEST_CASE("self-supervision can be interrupted") {
    testing::TemporaryFolder folder;
    for (const int steps : {0, 5})
        REQUIRE_THROWS_WITH(train({.steps = steps}, folder / "a", unwatched, [] { return true; }),
                            "interrupted, nothing written");
}
