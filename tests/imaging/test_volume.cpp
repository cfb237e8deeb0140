#include "imaging/volume.hpp"

#include <cstring>

#include "imaging/nifti.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

using Point = std::array<double, 3>;
using Affine = std::array<std::array<double, 4>, 3>;

Volume numbered_volume() {
    Volume volume;
    volume.size = {4, 3, 2};
    volume.voxel_size_mm = {1, 1, 1};
    for (int z = 0; z < 2; ++z)
        for (int y = 0; y < 3; ++y)
            for (int x = 0; x < 4; ++x) volume.voxels.push_back(static_cast<float>(100 * z + 10 * y + x));
    return volume;
}

template <class T>
T field(const std::string& file, std::size_t offset) {
    T value;
    std::memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

/// The two transformations in a NIfTI-1 file, by the formulas of the standard.
struct Geometry {
    int qform_code = 0, sform_code = 0;
    Affine qform{}, sform{};
    Point voxel_size{};

    explicit Geometry(const Volume& volume) {
        const Scratch scratch;
        Volume filled = volume;
        filled.voxels[0] = 1.0f;
        write_nifti(scratch.file("a.nii"), filled);
        const std::string file = contents(scratch.file("a.nii"));
        qform_code = field<std::int16_t>(file, 252);
        sform_code = field<std::int16_t>(file, 254);
        for (std::size_t i = 0; i < 3; ++i) {
            voxel_size[i] = field<float>(file, 80 + 4 * i);
            for (std::size_t j = 0; j < 4; ++j) sform[i][j] = field<float>(file, 280 + 16 * i + 4 * j);
        }
        const double b = field<float>(file, 256), c = field<float>(file, 260), d = field<float>(file, 264);
        const double a = std::sqrt(std::max(0.0, 1.0 - b * b - c * c - d * d));
        const double factor = field<float>(file, 76) < 0 ? -1.0 : 1.0;
        const double rotation[3][3] = {
            {a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
            {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
            {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c}};
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 3; ++j)
                qform[i][j] = rotation[i][j] * voxel_size[j] * (j == 2 ? factor : 1);
            qform[i][3] = field<float>(file, 268 + 4 * i);
        }
    }
};

bool lies_at(const Affine& affine, const Point& index, const nlohmann::json& wanted) {
    for (std::size_t i = 0; i < 3; ++i) {
        double world = affine[i][3];
        for (std::size_t j = 0; j < 3; ++j) world += affine[i][j] * index[j];
        if (std::abs(world - wanted[i].get<double>()) > 2e-5) return false;
    }
    return true;
}

const nlohmann::json& file_entry(const std::string& name) {
    for (const auto& json : expected()["volumes"]["good"]) {
        if (json["name"] == name) return json;
    }
    throw std::runtime_error("no fixture " + name);
}

const std::vector<std::string> oriented_files = {"two_forms.nii", "sform_only.nii", "qform_only.nii",
                                                 "v1_float32_be.nii"};

}  // namespace

TEST_CASE("slices along every axis are extracted and inserted") {
    const Volume volume = numbered_volume();
    const Image across_z = extract_slice(volume, 2, 1);
    CHECK(across_z.height == 3);
    CHECK(across_z.width == 4);
    CHECK(across_z.at(2, 3) == 123.0f);
    const Image across_y = extract_slice(volume, 1, 2);
    CHECK(across_y.height == 2);
    CHECK(across_y.width == 4);
    CHECK(across_y.at(1, 3) == 123.0f);
    const Image across_x = extract_slice(volume, 0, 3);
    CHECK(across_x.height == 2);
    CHECK(across_x.width == 3);
    CHECK(across_x.at(1, 2) == 123.0f);
    CHECK(across_x.at(0, 2) == 23.0f);
    for (int axis = 0; axis < 3; ++axis) {
        Volume copy = volume;
        std::fill(copy.voxels.begin(), copy.voxels.end(), -1.0f);
        for (int i = 0; i < slice_count(volume, axis); ++i) {
            insert_slice(copy, axis, i, extract_slice(volume, axis, i));
        }
        CHECK(copy.voxels == volume.voxels);
    }
    Volume copy = volume;
    CHECK(contains(complaint([&] { extract_slice(volume, 2, 2); }), "slice 2"));
    CHECK(contains(complaint([&] { extract_slice(volume, 3, 0); }), "axis 3"));
    CHECK(contains(complaint([&] { insert_slice(copy, 2, 0, Image(4, 3)); }), "3×4, not 4×3"));
}

TEST_CASE("the default slice axis follows voxel size, then orientation") {
    Volume volume = numbered_volume();
    const auto axis_for = [&](double x, double y, double z) {
        volume.voxel_size_mm = {x, y, z};
        return default_slice_axis(volume);
    };
    CHECK(axis_for(1, 1, 1) == 2);
    CHECK(axis_for(1, 3, 1) == 1);
    CHECK(axis_for(1.04, 1, 1) == 2);
    CHECK(axis_for(1.06, 1, 1) == 0);
    CHECK(axis_for(2, 2, 1) == 2);
    CHECK(axis_for(3, 4, 4) == 0);
    // Head–foot runs along storage axis 1 by the sform (code 4), which comes before the qform.
    Volume turned = read_nifti(fixture("two_forms.nii"));
    turned.voxel_size_mm = {1, 1, 1};
    CHECK(default_slice_axis(turned) == 1);
    Volume oblique = read_nifti(fixture("qform_only.nii"));
    oblique.voxel_size_mm = {1, 1, 1};
    CHECK(default_slice_axis(oblique) == 2);
}

TEST_CASE("a finer or coarser centred grid covers the same field of view, by NiBabel's affines") {
    for (const std::string& name : oriented_files) {
        const Volume volume = read_nifti(fixture(name));
        const auto& json = file_entry(name);
        for (int axis = 0; axis < 3; ++axis) {
            for (const int factor : {2, 3, 4}) {
                INFO(name << " axis " << axis << " factor " << factor);
                const Volume finer = finer_grid(volume, axis, factor, Phase::center);
                const Geometry geometry(finer);
                Point end{};
                for (std::size_t i = 0; i < 3; ++i) {
                    const int scale = static_cast<int>(i) == axis ? 1 : factor;
                    CHECK(finer.size[i] == scale * volume.size[i]);
                    CHECK(std::abs(finer.voxel_size_mm[i] * scale - volume.voxel_size_mm[i]) <= 1e-12);
                    CHECK(std::abs(geometry.voxel_size[i] - finer.voxel_size_mm[i]) <= 1e-6);
                    end[i] = finer.size[i] - 0.5;
                }
                CHECK(std::count(finer.voxels.begin(), finer.voxels.end(), 0.0f) ==
                      static_cast<long>(volume.voxels.size()) * factor * factor);
                CHECK(geometry.qform_code == json["qform"]["code"].get<int>());
                CHECK(geometry.sform_code == json["sform"]["code"].get<int>());
                CHECK(lies_at(geometry.qform, {-0.5, -0.5, -0.5}, json["qform"]["view_from"]));
                CHECK(lies_at(geometry.qform, end, json["qform"]["view_to"]));
                CHECK(lies_at(geometry.sform, {-0.5, -0.5, -0.5}, json["sform"]["view_from"]));
                CHECK(lies_at(geometry.sform, end, json["sform"]["view_to"]));

                const Volume back = coarser_grid(finer, axis, factor, Phase::center);
                const Geometry original(back);
                CHECK(back.size == volume.size);
                CHECK(lies_at(original.qform, {0, 0, 0}, json["qform"]["first"]));
                CHECK(lies_at(original.sform, {0, 0, 0}, json["sform"]["first"]));
                CHECK(lies_at(original.sform, {-0.5, -0.5, -0.5}, json["sform"]["view_from"]));
            }
        }
    }
}

TEST_CASE("the first samples of both grids coincide for the corner phase") {
    for (const std::string& name : oriented_files) {
        INFO(name);
        const Volume volume = read_nifti(fixture(name));
        const auto& json = file_entry(name);
        const Geometry finer(finer_grid(volume, 2, 2, Phase::corner));
        CHECK(lies_at(finer.qform, {0, 0, 0}, json["qform"]["first"]));
        CHECK(lies_at(finer.qform, {-1, -1, -0.5}, json["qform"]["view_from"]));
        CHECK(lies_at(finer.sform, {-1, -1, -0.5}, json["sform"]["view_from"]));
        const Geometry coarser(coarser_grid(volume, 2, 2, Phase::corner));
        CHECK(lies_at(coarser.sform, {0, 0, 0}, json["sform"]["first"]));
        CHECK(lies_at(coarser.sform, {-0.25, -0.25, -0.5}, json["sform"]["view_from"]));
        CHECK(lies_at(coarser.qform, {-0.25, -0.25, -0.5}, json["qform"]["view_from"]));
    }
}

TEST_CASE("another spacing along one axis keeps the first edge, by NiBabel's affines") {
    for (const std::string& name : oriented_files) {
        const Volume volume = read_nifti(fixture(name));
        const auto& json = file_entry(name);
        for (int axis = 0; axis < 3; ++axis) {
            INFO(name << " axis " << axis);
            const auto along = static_cast<std::size_t>(axis);
            const int count = 3 * volume.size[along];
            const Volume finer = changed_spacing(volume, axis, count, volume.voxel_size_mm[along] / 3.0);
            const Geometry geometry(finer);
            Point end{};
            for (std::size_t i = 0; i < 3; ++i) end[i] = finer.size[i] - 0.5;
            CHECK(finer.size[along] == count);
            CHECK(finer.voxels.size() == 3 * volume.voxels.size());
            for (std::size_t i = 0; i < 3; ++i)
                CHECK(std::abs(geometry.voxel_size[i] - finer.voxel_size_mm[i]) <= 1e-6);
            CHECK(lies_at(geometry.qform, {-0.5, -0.5, -0.5}, json["qform"]["view_from"]));
            CHECK(lies_at(geometry.qform, end, json["qform"]["view_to"]));
            CHECK(lies_at(geometry.sform, {-0.5, -0.5, -0.5}, json["sform"]["view_from"]));
            CHECK(lies_at(geometry.sform, end, json["sform"]["view_to"]));
        }
    }
    const Volume volume = numbered_volume();
    CHECK(contains(complaint([&] { changed_spacing(volume, 3, 4, 1.0); }), "axis 3"));
    CHECK(contains(complaint([&] { changed_spacing(volume, 2, 0, 1.0); }), "no grid"));
}

TEST_CASE("a slice with chosen rows is the slice or its transpose") {
    const Volume volume = numbered_volume();
    for (int axis = 0; axis < 3; ++axis)
        for (const int y_axis : {row_axis(axis), column_axis(axis)}) {
            Volume copy = volume;
            std::fill(copy.voxels.begin(), copy.voxels.end(), -1.0f);
            for (int i = 0; i < slice_count(volume, axis); ++i) {
                const Image slice = extract_oriented_slice(volume, axis, y_axis, i);
                CHECK(slice.height == volume.size[static_cast<std::size_t>(y_axis)]);
                insert_oriented_slice(copy, axis, y_axis, i, slice);
            }
            CHECK(copy.voxels == volume.voxels);
        }
    const Image across_x = extract_slice(volume, 0, 2), turned = extract_oriented_slice(volume, 0, 1, 2);
    CHECK(turned.at(2, 1) == across_x.at(1, 2));
}

TEST_CASE("only the voxel size changes if a file has no orientation") {
    const Volume volume = read_nifti(fixture("no_form.nii"));
    const Geometry before(volume);
    const Geometry after(finer_grid(volume, 2, 2, Phase::center));
    CHECK(after.sform == before.sform);
    for (std::size_t i = 0; i < 3; ++i) CHECK(after.qform[i][3] == before.qform[i][3]);
    CHECK(std::abs(after.voxel_size[0] - before.voxel_size[0] / 2) <= 1e-6);
    CHECK(after.voxel_size[2] == before.voxel_size[2]);
}

TEST_CASE("slice timing is removed with the slices that it describes") {
    // The fixture's slice dimension is storage axis 2, its slice_code 1 (byte 122), slice_end 2 (byte 120).
    const auto timing = [](int axis) {
        const Scratch scratch;
        Volume finer = finer_grid(read_nifti(fixture("v1_int16_le.nii")), axis, 2, Phase::center);
        write_nifti(scratch.file("a.nii"), finer);
        const std::string file = contents(scratch.file("a.nii"));
        return std::pair<int, int>(field<char>(file, 122), field<std::int16_t>(file, 120));
    };
    CHECK(timing(2) == std::pair<int, int>(1, 2));
    CHECK(timing(0) == std::pair<int, int>(0, 0));
}

TEST_CASE("a coarser grid rounds sizes down and needs at least one voxel") {
    const Volume volume = numbered_volume();
    const Volume coarser = coarser_grid(volume, 2, 3, Phase::center);
    CHECK(coarser.size == std::array<int, 3>{1, 1, 2});
    CHECK(coarser.voxel_size_mm == std::array<double, 3>{3, 3, 1});
    CHECK(coarser.header == nullptr);
    CHECK(contains(complaint([&] { coarser_grid(volume, 2, 4, Phase::center); }), "fewer than the factor 4"));
    CHECK(contains(complaint([&] { finer_grid(volume, 5, 2, Phase::center); }), "axis 5"));
}
