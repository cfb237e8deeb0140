// Weights that come with the programs: which are listed, which are chosen, and which names are known.
#include "inference/shipped_weights.hpp"

#include <cstdlib>
#include <fstream>

#include "base/error.hpp"
#include "tests/catch.hpp"
#include "tests/inference/saved_network.hpp"
#include "tests/temporary_folder.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

imaging::DegradationSettings in_plane(int scale, const std::string& preset = "gaussian") {
    imaging::DegradationSettings settings;
    settings.scale = scale;
    settings.preset = preset;
    return settings;
}

imaging::DegradationSettings through_plane(const NumberOrRange& thickness) {
    imaging::DegradationSettings settings;
    settings.direction = imaging::Direction::through_plane;
    settings.preset = imaging::through_plane_preset;
    settings.scale = 1;
    settings.through_plane.thickness = thickness;
    return settings;
}

ShippedWeights weights_of(const char* name, std::uintmax_t bytes,
                          const imaging::DegradationSettings& degradation,
                          std::optional<double> fine_detail_db) {
    return {name, std::string(name) + ".safetensors", degradation.make(), bytes, fine_detail_db};
}

const std::vector<ShippedWeights> all = {weights_of("x2-fast", 5, in_plane(2), -18.0),
                                         weights_of("x2-good", 9, in_plane(2), -17.0),
                                         weights_of("x3-fast", 20, in_plane(3), -18.0),
                                         weights_of("thin-fast", 30, through_plane({2.0, 6.0}), -10.0),
                                         weights_of("x2-kspace", 50, in_plane(2, "kspace"), -12.0)};

}  // namespace

TEST_CASE("the largest weights for a direction and a scale are chosen") {
    const auto best = [&](imaging::Direction direction, int scale, double detail = -20.0) {
        return best_weights(all, "place", direction, scale, detail).name;
    };
    CHECK(best(imaging::Direction::in_plane, 2) == "x2-good");
    // A scan with more fine detail resembles those of the other acquisition.
    CHECK(best(imaging::Direction::in_plane, 2, -14.0) == "x2-kspace");
    CHECK(best(imaging::Direction::in_plane, 2, -15.0) == "x2-good");
    CHECK(best(imaging::Direction::in_plane, 3, -5.0) == "x3-fast");
    CHECK(best(imaging::Direction::through_plane, 1) == "thin-fast");
    CHECK_THROWS_WITH(
        best(imaging::Direction::in_plane, 4),
        "no weights for in-plane ×4 come with this program (place has x2-fast, x2-good, x3-fast, "
        "thin-fast, x2-kspace); give --weights, --method or --self");
}

TEST_CASE("weights that do not tell the fine detail of their training are chosen last") {
    const std::vector<ShippedWeights> older = {weights_of("older", 90, in_plane(2, "kspace"), std::nullopt),
                                               weights_of("x2-fast", 5, in_plane(2), -18.0)};
    CHECK(best_weights(older, "place", imaging::Direction::in_plane, 2, 500.0).name == "x2-fast");
    CHECK(best_weights({older[0]}, "place", imaging::Direction::in_plane, 2, 0.0).name == "older");
    CHECK_THROWS_WITH(
        best_weights({}, "place", imaging::Direction::through_plane, 1, 0.0),
        ContainsSubstring("no weights for thick slices come with this program (place has no weights)"));
}

TEST_CASE("weights for the same grid do not enlarge") {
    imaging::DegradationSettings pairs = in_plane(1, imaging::pairs_preset);
    const std::vector<ShippedWeights> weights = {weights_of("denoise", 5, pairs, -18.0)};
    CHECK_THROWS_AS(best_weights(weights, "place", imaging::Direction::in_plane, 1, -18.0), Error);
    CHECK(purpose(weights[0].degradation) == "the same grid (pairs)");
}

TEST_CASE("the purpose of weights names the scale or the spacing of the slices") {
    CHECK(purpose(in_plane(2).make()) == "in-plane ×2, gaussian");
    CHECK(purpose(in_plane(4, "box").make()) == "in-plane ×4, box");
    CHECK(purpose(through_plane({2.0, 6.0}).make()) == "through-plane, slices 2 to 6 mm apart");
    CHECK(purpose(through_plane(4.0).make()) == "through-plane, slices 4 mm apart");
}

TEST_CASE("the weights of a folder are listed by name with their size") {
    const TemporaryFolder folder;
    const SavedNetwork large({"edsr", 2, 8, true}, folder / "b.safetensors"),
        small({"edsr", 1, 4, true}, folder / "c.safetensors"),
        first({"srcnn", 0, 0, true}, folder / "a.safetensors");
    std::ofstream(folder / "README.md") << "not a weights file\n";
    const auto listed = list_weights(folder.path());
    REQUIRE(listed.size() == 3);
    for (const std::size_t i : {0, 1, 2}) {
        const std::string name(1, "abc"[i]);
        CHECK(listed[i].name == name);
        CHECK(listed[i].path == folder / (name + ".safetensors"));
        CHECK(listed[i].bytes == fs::file_size(listed[i].path));
        CHECK(listed[i].degradation.preset == "gaussian");
        CHECK_FALSE(listed[i].fine_detail_db);
    }
    // The one of the three that has the most parameters.
    CHECK(best_weights(listed, folder.path(), imaging::Direction::in_plane, 2, 0.0).name == "a");
    CHECK(list_weights(folder / "none").empty());
    std::ofstream(folder / "broken.safetensors") << "broken";
    CHECK_THROWS_WITH(list_weights(folder.path()), ContainsSubstring("broken.safetensors: "));
}

TEST_CASE("a name stands for a file, or for weights of the folder") {
    const TemporaryFolder folder;
    const SavedNetwork saved({"edsr", 1, 4, true}, folder / "x2.safetensors"),
        another({"edsr", 1, 4, true}, folder / "x3.safetensors");
    const auto found = [&](const std::string& name) { return find_weights(name, folder.path()); };
    CHECK(found("x3") == folder / "x3.safetensors");
    CHECK(found("x2") == folder / "x2.safetensors");
    // A path is taken as it is, whether or not the file exists.
    CHECK(found("x2.safetensors") == "x2.safetensors");
    CHECK(found("there/x2") == "there/x2");
    CHECK(found((folder / "x2.safetensors").string()) == folder / "x2.safetensors");
    const std::string reason = ": no such file, and " + folder.path().string() + " has x2, x3";
    CHECK_THROWS_WITH(found("x4"), "--weights x4" + reason);
    CHECK_THROWS_WITH(find_weights("x4", folder.path(), "--init"), "--init x4" + reason);
}

TEST_CASE("DNSP_WEIGHTS is the folder of the weights") {
    const char* before = std::getenv("DNSP_WEIGHTS");
    const std::string kept = before ? before : "";
    ::setenv("DNSP_WEIGHTS", "/some/folder", 1);
    CHECK(shipped_weights_folder() == "/some/folder");
    ::unsetenv("DNSP_WEIGHTS");
    const fs::path program = fs::read_symlink("/proc/self/exe");
    CHECK(shipped_weights_folder() == program.parent_path().parent_path() / "share/dnsp/weights");
    if (before) ::setenv("DNSP_WEIGHTS", kept.c_str(), 1);
}
