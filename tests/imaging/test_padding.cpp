#include "imaging/padding.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

/// 8×6×2 voxels: `value` in the columns x < 3, elsewhere 100, 101, … 159.
Volume with_border(float value) {
    Volume volume;
    volume.size = {8, 6, 2};
    volume.voxel_size_mm = {1.0, 1.0, 3.0};
    float next = 100.0f;
    for (int i = 0; i < 8 * 6 * 2; ++i) volume.voxels.push_back(i % 8 < 3 ? value : next++);
    return volume;
}

bool finds_padding(Volume volume, std::optional<float> declared = {}) {
    replace_padding(volume, declared);
    return volume.padding != nullptr;
}

}  // namespace

TEST_CASE("padding is farther from the other values than twice their range, and is not zero") {
    // The others span 100 to 159: 59.
    for (const float value : {-19.0f, -32768.0f, 278.0f, 65535.0f}) CHECK(finds_padding(with_border(value)));
    for (const float value : {0.0f, -18.0f, 130.0f, 277.0f}) CHECK_FALSE(finds_padding(with_border(value)));
    Volume few = with_border(-500.0f);
    int kept = 0;
    for (float& voxel : few.voxels)
        if (voxel == -500.0f && ++kept > 15) voxel = 120.0f;
    CHECK_FALSE(finds_padding(few));
    // A declared value may be 0, and must be a tenth of the range away: 5.9.
    CHECK(finds_padding(with_border(0.0f), 0.0f));
    CHECK(finds_padding(with_border(94.0f), 94.0f));
    CHECK_FALSE(finds_padding(with_border(95.0f), 95.0f));
    CHECK_FALSE(finds_padding(with_border(41.0f), 0.0f));
    Volume two = with_border(-500.0f);
    for (float& voxel : two.voxels) voxel = std::min(voxel, 100.0f);
    CHECK_FALSE(finds_padding(two));
}

TEST_CASE("padding becomes the smallest other value, and returns where the nearest voxel had it") {
    Volume low = with_border(-32768.0f);
    replace_padding(low);
    REQUIRE(low.notes.size() == 1);
    CHECK(contains(low.notes.front(), "36 voxels of -32768"));
    CHECK(*std::min_element(low.voxels.begin(), low.voxels.end()) == 100.0f);
    CHECK(std::count(low.voxels.begin(), low.voxels.end(), 100.0f) == 37);
    // Sample k of the coarse grid lies between 2k and 2k + 1, or at 2k; 2 is the last padded one. Between two
    // samples at equal distances, the later one counts.
    for (const auto& [phase, padded] : {std::pair{Phase::center, 6}, {Phase::corner, 5}}) {
        Volume high = finer_grid(low, 2, 2, phase);
        restore_padding(high, low, phase);
        for (std::size_t i = 0; i < high.voxels.size(); ++i)
            REQUIRE((high.voxels[i] == -32768.0f) == (static_cast<int>(i % 16) < padded));
    }
    Volume thin = changed_spacing(low, 2, 6, 1.0);
    restore_padding(thin, low, Phase::center);
    CHECK(std::count(thin.voxels.begin(), thin.voxels.end(), -32768.0f) == 3 * 36);
}
