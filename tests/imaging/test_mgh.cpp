// MGH files made here byte by byte, after the description of the format; NiBabel's files are read in
// tests/scripts/formats_contract.py.
#include <cstring>

#include "imaging/geometry.hpp"
#include "imaging/volume_file.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

template <class T>
void append(std::string& bytes, T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes.append(std::rbegin(raw), std::rend(raw));  // big endian
}

/// 3×4×2 voxels of 1×2×3 mm, two frames of 16-bit integers 10, 11, …; x to the front, y to the head, z to the
/// right; the centre at R 10, A 20, S 30; the times TR, flip angle, TE, TI and FoV behind.
std::string good_file() {
    std::string bytes;
    for (const std::int32_t value : {1, 3, 4, 2, 2, 4, 0}) append(bytes, value);
    append<std::int16_t>(bytes, 1);
    for (const float value : {1.f, 2.f, 3.f, 0.f, 1.f, 0.f, 0.f, 0.f, 1.f, 1.f, 0.f, 0.f, 10.f, 20.f, 30.f})
        append(bytes, value);
    bytes.resize(284);
    for (std::int16_t i = 0; i < 48; ++i) append<std::int16_t>(bytes, static_cast<std::int16_t>(10 + i));
    for (const float value : {2300.f, 0.157f, 2.98f, 900.f, 256.f}) append(bytes, value);
    return bytes;
}

std::string with(std::size_t place, std::int32_t value) {
    std::string bytes = good_file(), raw;
    append(raw, value);
    return bytes.replace(place, 4, raw);
}

}  // namespace

TEST_CASE("an MGH file gives its intensities and positions, and is written as it was") {
    const Scratch scratch;
    put(scratch.file("a.mgh"), good_file());
    const Volume second = read_volume(scratch.file("a.mgh"), 1);
    CHECK(second.size == std::array<int, 3>{3, 4, 2});
    CHECK(second.voxel_size_mm == std::array<double, 3>{1.0, 2.0, 3.0});
    CHECK(second.voxels.front() == 34.0f);
    CHECK(second.voxels.back() == 57.0f);
    // From the centre back by half the size: 1.5 voxels of 1 mm along A, 2 of 2 mm along S, 1 of 3 mm along
    // R.
    const VoxelToWorld expected_matrix = {{{0, 0, 3, 10 - 3}, {1, 0, 0, 20 - 1.5}, {0, 2, 0, 30 - 4}}};
    CHECK(voxel_to_world(second) == expected_matrix);

    const auto series = read_volumes(scratch.file("a.mgh"));
    REQUIRE(series.size() == 2);
    CHECK(series[0].voxels.front() == 10.0f);
    CHECK(series[1].voxels == second.voxels);
    write_volumes(scratch.file("b.mgh"), series);
    CHECK(contents(scratch.file("b.mgh")) == good_file());
    write_volumes(scratch.file("b.mgz"), series);
    CHECK(contents(scratch.file("b.mgz")).starts_with("\x1f\x8b"));
    CHECK(read_volume(scratch.file("b.mgz"), 0).voxels == series[0].voxels);
    CHECK(contains(complaint([&] { read_volume(scratch.file("a.mgh")); }), "4-D file with 2 volumes"));
}

TEST_CASE("damaged MGH files are refused") {
    const Scratch scratch;
    const auto path = scratch.file("a.mgh");
    const auto complaint_about = [&](const std::string& bytes) {
        put(path, bytes);
        return complaint([&] { read_volumes(path); });
    };
    for (std::size_t length = 1; length < 284 + 96; ++length)
        REQUIRE(complaint_about(good_file().substr(0, length)).starts_with(path.string()));
    CHECK(contains(complaint_about(with(0, 2)), "not an MGH file"));
    CHECK(contains(complaint_about(with(4, 0)), "dimension 0 is 0"));
    CHECK(contains(complaint_about(with(8, 0x7fffffff)), "truncated"));
    CHECK(contains(complaint_about(with(16, 0x7fffffff)), "truncated"));
    CHECK(contains(complaint_about(with(20, 5)), "MGH type 5"));
    CHECK(contains(complaint_about(with(30, 0)), "voxels of 0 mm"));
}
