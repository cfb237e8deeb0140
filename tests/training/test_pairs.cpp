#include "training/pairs.hpp"

#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "tests/catch.hpp"
#include "tests/synthetic_head.hpp"
#include "training/split.hpp"

using namespace dnsp;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

imaging::Volume high_head() { return testing::synthetic_head(24, 26, 20); }

/// Another scanner's scale: 3 · high + 50.
imaging::Volume low_head() {
    imaging::Volume low = high_head();
    for (float& x : low.voxels) x = 3 * x + 50;
    low.path = "low head";
    return low;
}

imaging::Image ramp(int height, int width) {
    imaging::Image image(height, width);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<float>(i % 251 + 1);
    return image;
}

}  // namespace

TEST_CASE("a pair keeps the low image as the input and the high one as the target") {
    const imaging::Volume low = low_head(), high = high_head();
    const Subject subject = make_pair_subject(low, high, 2);
    const Subject degraded = make_subject(high, imaging::make_degradation("box", 2), 2);
    REQUIRE(subject.slices.size() == degraded.slices.size());
    for (std::size_t i = 0; i < subject.slices.size(); ++i) {
        const SlicePair& pair = subject.slices[i];
        CHECK(pair.index == degraded.slices[i].index);
        CHECK(pair.input.pixels == imaging::extract_slice(low, 2, pair.index).pixels);
        CHECK(pair.low.pixels == pair.input.pixels);
        CHECK(pair.target.pixels == imaging::extract_slice(high, 2, pair.index).pixels);
    }
}

TEST_CASE("each image of a pair is normalised by its own percentiles") {
    const Subject subject = make_pair_subject(low_head(), high_head(), 2);
    const auto high = imaging::percentile_normalisation(high_head().voxels, "");
    CHECK(subject.normalisation.low == 3 * high.low + 50);
    CHECK(subject.normalisation.high == 3 * high.high + 50);
    CHECK(subject.target_normalisation.high == high.high);
    // On the target's scale, this low image is the high one.
    const SlicePair& pair = subject.slices.front();
    const imaging::Image mapped = on_target_scale(subject, pair.input);
    for (std::size_t i = 0; i < mapped.pixels.size(); ++i)
        REQUIRE(mapped.pixels[i] == Approx(pair.target.pixels[i]).margin(0.01));
}

TEST_CASE("slices whose low image shows less than 95 % of the head are left out") {
    imaging::Volume low = low_head();
    const Subject whole = make_pair_subject(low, high_head(), 2);
    const int first = whole.slices[0].index, second = whole.slices[1].index;
    const imaging::Normalisation range = whole.reference_range;
    // Zeros in the lower rows of the first slice hide 1 in 10 pixels of the head, in the second 1 in 50.
    for (const auto& [index, share] : {std::pair{first, 0.1}, std::pair{second, 0.02}}) {
        const imaging::Image target = imaging::extract_slice(high_head(), 2, index);
        imaging::Image cut = imaging::extract_slice(low, 2, index);
        std::size_t head = 0, hidden = 0;
        for (const float x : target.pixels) head += x > range.restore(foreground_level);
        for (std::size_t i = 0;
             i < cut.pixels.size() && static_cast<double>(hidden) < share * static_cast<double>(head); ++i) {
            hidden += target.pixels[i] > range.restore(foreground_level);
            cut.pixels[i] = 0.0f;
        }
        imaging::insert_slice(low, 2, index, cut);
    }
    const Subject subject = make_pair_subject(low, high_head(), 2);
    REQUIRE(subject.slices.size() == whole.slices.size() - 1);
    CHECK(subject.slices.front().index == second);
    // Zeros outside of the head do not count.
    imaging::Image target(2, 2), input(2, 2);
    target.pixels = {5, 5, 0, 0};
    input.pixels = {1, 0, 0, 0};
    CHECK(view_overlap(input, target, 1) == 0.5);
    CHECK(view_overlap(input, imaging::Image(2, 2), 1) == 1.0);
}

TEST_CASE("pairs on different grids are refused by name") {
    const imaging::Volume high = high_head();
    imaging::Volume low = testing::synthetic_head(24, 26, 21);
    low.path = "low.nii";
    CHECK_THROWS_WITH(make_pair_subject(low, high, 2), ContainsSubstring("low.nii") &&
                                                           ContainsSubstring("synthetic head") &&
                                                           ContainsSubstring("24×26×21"));
    low = low_head();
    low.voxel_size_mm[1] = 1.01;
    CHECK_THROWS_WITH(make_pair_subject(low, high, 2),
                      ContainsSubstring("low head") && ContainsSubstring("mm"));
    low.voxel_size_mm[1] = 1.0001;  // .0025 mm at the last voxel
    CHECK_NOTHROW(make_pair_subject(low, high, 2));
    CHECK_THROWS_WITH(make_pair_subject(ramp(20, 20), ramp(20, 22), {"a/p.png", "b/p.png"}),
                      ContainsSubstring("a/p.png") && ContainsSubstring("b/p.png"));
}

TEST_CASE("pairs are found by name, and a file without partner is refused") {
    TemporaryFolder folder;
    const auto low = (folder / "low").string(), high = (folder / "high").string();
    for (const auto& side : {low, high}) {
        fs::create_directories(side);
        for (const char* name : {"b_1.png", "a_1.png"})
            imaging::write_picture(fs::path(side) / name, {ramp(20, 20), 8});
    }
    const auto pairs = find_pairs({low, high}, "--pairs");
    REQUIRE(pairs.size() == 2);
    CHECK(pairs[0].low == low + "/a_1.png");
    CHECK(pairs[0].high == high + "/a_1.png");
    CHECK(find_pairs(pairs[0].low, pairs[1].high).size() == 1);
    CHECK_THROWS_WITH(find_pairs(low, pairs[0].high), ContainsSubstring("two folders or two files"));
    CHECK_THROWS_WITH(find_pairs({low}, "--pairs"), ContainsSubstring("--pairs"));
    CHECK_THROWS_WITH(find_pairs(low, (folder / "absent").string()), ContainsSubstring("absent"));
    imaging::write_picture(fs::path(high) / "c_1.png", {ramp(20, 20), 8});
    CHECK_THROWS_WITH(find_pairs(low, high), ContainsSubstring("c_1.png") && ContainsSubstring("no partner"));
}

TEST_CASE("a person is never on both sides of a split") {
    std::vector<Subject> subjects;
    for (const std::string name : {"p1_1", "p2_1", "p1_2", "p3_1", "p2_2", "p3_2", "p4_1", "p4_2"}) {
        imaging::Image image = ramp(20, 20);
        image.pixels.front() =
            static_cast<float>(300 + subjects.size());  // files of equal voxels are one person
        Subject subject = make_pair_subject(image, image, {name, name});
        subject.person = name.substr(0, 2);
        subjects.push_back(subject);
    }
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const Split split = split_subjects(subjects, seed);
        CHECK(split.validation.size() == 2);  // one person of four
        CHECK(split.training.size() == 6);
        for (const Subject& held : split.validation)
            for (const Subject& trained : split.training) CHECK(held.person != trained.person);
        CHECK(split.held_out.size() == 2);
    }
    const std::vector<Subject> first(subjects.begin(), subjects.begin() + 1),
        same(subjects.begin() + 2, subjects.begin() + 3);
    CHECK_THROWS_WITH(split_by_user(first, same), ContainsSubstring("both sides") && ContainsSubstring("p1"));
    CHECK_THROWS_WITH(split_subjects({first[0], same[0]}, 1), ContainsSubstring("one person"));
}
