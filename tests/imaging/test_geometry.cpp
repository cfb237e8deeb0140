#include "imaging/geometry.hpp"

#include "imaging/nifti_header.hpp"
#include "tests/catch.hpp"

using namespace dnsp;
using namespace dnsp::imaging;

namespace {

Volume plain_volume() {
    Volume volume;
    volume.size = {4, 5, 6};
    volume.voxel_size_mm = {1, 2, 3};
    volume.voxels.assign(120, 1.0f);
    return volume;
}

template <class Change>
Volume with_header(Change change) {
    Volume volume = plain_volume();
    NiftiHeader header = plain_header(volume);
    change(header.fields);
    volume.header = std::make_shared<const NiftiHeader>(header);
    return volume;
}

void set_sform(nifti_2_header& fields, const VoxelToWorld& m) {
    fields.sform_code = 1;
    for (std::size_t column = 0; column < 4; ++column) {
        fields.srow_x[column] = m[0][column];
        fields.srow_y[column] = m[1][column];
        fields.srow_z[column] = m[2][column];
    }
}

}  // namespace

TEST_CASE("voxel positions come from the sform, else the qform, else the voxel sizes") {
    const VoxelToWorld sizes{{{1, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 3, 0}}};
    CHECK(voxel_to_world(plain_volume()) == sizes);
    CHECK(voxel_to_world(with_header([](auto&) {})) == sizes);
    // The quaternion (0, 0, 0, 1) is a half turn about z: x and y change their signs.
    const auto set_qform = [](nifti_2_header& fields) {
        fields.qform_code = 1;
        fields.pixdim[0] = 1;
        fields.quatern_d = 1;
        fields.qoffset_x = 10;
        fields.qoffset_y = 20;
        fields.qoffset_z = -30;
    };
    const VoxelToWorld turned{{{-1, 0, 0, 10}, {0, -2, 0, 20}, {0, 0, 3, -30}}};
    const VoxelToWorld from_qform = voxel_to_world(with_header(set_qform));
    for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t column = 0; column < 4; ++column)
            CHECK(from_qform[row][column] == Approx(turned[row][column]).margin(1e-12));
    const VoxelToWorld sform{{{0, 0, 3, 1}, {-1, 0, 0, 2}, {0, 2, 0, 3}}};
    CHECK(voxel_to_world(with_header([&](nifti_2_header& fields) {
              set_qform(fields);
              set_sform(fields, sform);
          })) == sform);
}

TEST_CASE("positions are in mm for headers in other units, and singular matrices are refused") {
    const VoxelToWorld metres = voxel_to_world(with_header([&](nifti_2_header& fields) {
        set_sform(fields, {{{0.001, 0, 0, 0.01}, {0, 0.002, 0, 0}, {0, 0, 0.003, 0}}});
        fields.xyzt_units = NIFTI_UNITS_METER;
    }));
    CHECK(metres[0][0] == Approx(1));
    CHECK(metres[0][3] == Approx(10));
    CHECK_THROWS_AS(voxel_to_world(with_header([](nifti_2_header& fields) { set_sform(fields, {}); })),
                    FileError);
}

TEST_CASE("the distance of grids is the largest one of their corners") {
    const VoxelToWorld a{{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
    VoxelToWorld b = a;
    CHECK(corner_distance_mm(a, b, {4, 5, 6}) == 0.0);
    b[0][3] = 0.5;
    CHECK(corner_distance_mm(a, b, {4, 5, 6}) == Approx(0.5));
    b[0][3] = 0.0;
    b[2][2] = 1.1;  // the last of 6 slices lies .5 mm off
    CHECK(corner_distance_mm(a, b, {4, 5, 6}) == Approx(0.5));
}

TEST_CASE("a volume on another grid has that grid's geometry and its own stored type") {
    const VoxelToWorld sform{{{0, 0, 3, 1}, {-1, 0, 0, 2}, {0, 2, 0, 3}}};
    const Volume grid = with_header([&](nifti_2_header& fields) { set_sform(fields, sform); });
    Volume intensities = with_header([](nifti_2_header& fields) {
        fields.datatype = DT_INT16;
        fields.bitpix = 16;
        fields.scl_slope = 0.5;
    });
    intensities.size = {2, 2, 2};
    intensities.voxels.assign(8, 3.0f);
    const Volume result = on_grid_of(grid, intensities);
    CHECK(result.size == grid.size);
    CHECK(result.voxels == std::vector<float>(120, 0.0f));
    CHECK(voxel_to_world(result) == sform);
    CHECK(result.header->fields.datatype == DT_INT16);
    CHECK(result.header->fields.scl_slope == 0.5);
}
