// Cuts through volumes. Expected intensities: polynomials at the positions in mm, which Keys' kernel
// reproduces up to the second degree along each axis, and voxels found by their positions.
#include "imaging/cut.hpp"

#include "imaging/geometry.hpp"
#include "imaging/nifti_header.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

Volume on_grid(const std::array<int, 3>& size, const std::array<double, 3>& voxel_size_mm,
               const std::optional<VoxelToWorld>& matrix) {
    Volume volume;
    volume.size = size;
    volume.voxel_size_mm = voxel_size_mm;
    volume.voxels.assign(static_cast<std::size_t>(size[0] * size[1] * size[2]), 0.0f);
    if (matrix) {
        NiftiHeader header = plain_header(volume);
        header.fields.sform_code = 1;
        for (std::size_t column = 0; column < 4; ++column) {
            header.fields.srow_x[column] = (*matrix)[0][column];
            header.fields.srow_y[column] = (*matrix)[1][column];
            header.fields.srow_z[column] = (*matrix)[2][column];
        }
        volume.header = std::make_shared<const NiftiHeader>(header);
    }
    return volume;
}

float& voxel(Volume& volume, int x, int y, int z) {
    return volume.voxels[static_cast<std::size_t>((z * volume.size[1] + y) * volume.size[0] + x)];
}

/// Of the second degree along each axis.
double polynomial(double x, double y, double z) {
    return (0.3 * x * x - x + 2.0) * (0.1 * y * y + 0.5 * y - 1.0) + z * z * x - 3.0 * z;
}

}  // namespace

TEST_CASE("a cut of a volume by its own grid is the slice") {
    Volume volume = on_grid({4, 5, 3}, {1.0, 2.0, 3.0}, {});
    for (std::size_t i = 0; i < volume.voxels.size(); ++i) volume.voxels[i] = static_cast<float>(i * i % 71);
    for (int axis = 0; axis < 3; ++axis)
        for (int index = 0; index < slice_count(volume, axis); ++index)
            for (const auto interpolation : {CutInterpolation::nearest, CutInterpolation::cubic})
                CHECK(largest_difference(cut(volume, volume, axis, index, interpolation),
                                         extract_slice(volume, axis, index)) <= 1e-5);
}

TEST_CASE("a cut by an oblique grid has the intensities at the positions of its voxels") {
    // Voxels of 1, 2 and 1.5 mm. The grid lies inside, at least two voxels from the border.
    Volume volume = on_grid({12, 9, 10}, {1.0, 2.0, 1.5}, {});
    for (int z = 0; z < 10; ++z)
        for (int y = 0; y < 9; ++y)
            for (int x = 0; x < 12; ++x)
                voxel(volume, x, y, z) = static_cast<float>(polynomial(x, 2.0 * y, 1.5 * z));
    const VoxelToWorld matrix{{{0.6, 0.2, -0.3, 4.1}, {-0.4, 0.9, 0.1, 6.3}, {0.3, -0.1, 0.7, 4.7}}};
    const Volume grid = on_grid({5, 4, 6}, {0.78, 0.93, 0.77}, matrix);
    for (int axis = 0; axis < 3; ++axis)
        for (int index = 0; index < grid.size[static_cast<std::size_t>(axis)]; ++index) {
            const Image cubic = cut(volume, grid, axis, index, CutInterpolation::cubic),
                        nearest = cut(volume, grid, axis, index, CutInterpolation::nearest);
            REQUIRE(cubic.height == grid.size[static_cast<std::size_t>(row_axis(axis))]);
            REQUIRE(cubic.width == grid.size[static_cast<std::size_t>(column_axis(axis))]);
            for (int y = 0; y < cubic.height; ++y)
                for (int x = 0; x < cubic.width; ++x) {
                    std::array<int, 3> at{};
                    at[static_cast<std::size_t>(axis)] = index;
                    at[static_cast<std::size_t>(column_axis(axis))] = x;
                    at[static_cast<std::size_t>(row_axis(axis))] = y;
                    std::array<double, 3> mm{};
                    for (std::size_t i = 0; i < 3; ++i)
                        mm[i] =
                            matrix[i][0] * at[0] + matrix[i][1] * at[1] + matrix[i][2] * at[2] + matrix[i][3];
                    CHECK(std::abs(cubic.at(y, x) - polynomial(mm[0], mm[1], mm[2])) <= 1e-3);
                    CHECK(nearest.at(y, x) == voxel(volume, static_cast<int>(std::lround(mm[0])),
                                                    static_cast<int>(std::lround(mm[1] / 2.0)),
                                                    static_cast<int>(std::lround(mm[2] / 1.5))));
                }
        }
}

TEST_CASE("positions beyond the volume have the intensity of its border") {
    Volume volume = on_grid({3, 2, 2}, {1.0, 1.0, 1.0}, {});
    for (std::size_t i = 0; i < volume.voxels.size(); ++i) volume.voxels[i] = static_cast<float>(i);
    // From −4 to 9 along each axis.
    const Volume grid =
        on_grid({14, 14, 14}, {1.0, 1.0, 1.0}, VoxelToWorld{{{1, 0, 0, -4}, {0, 1, 0, -4}, {0, 0, 1, -4}}});
    for (const auto interpolation : {CutInterpolation::nearest, CutInterpolation::cubic})
        for (int z = 0; z < 14; ++z) {
            const Image image = cut(volume, grid, 2, z, interpolation);
            for (int y = 0; y < 14; ++y)
                for (int x = 0; x < 14; ++x)
                    CHECK(image.at(y, x) == voxel(volume, std::clamp(x - 4, 0, 2), std::clamp(y - 4, 0, 1),
                                                  std::clamp(z - 4, 0, 1)));
        }
}

TEST_CASE("an oriented cut shows the patient's right or front at the left, head or front at the top") {
    // A patient of 3×4×5 mm. Each voxel's intensity is its place: x to the right, y to the front, z to the
    // head. Storage axis a runs along patient axis order[a], backwards for some.
    const std::array<int, 3> patient{3, 4, 5};
    const auto intensity = [](int x, int y, int z) { return static_cast<float>(x + 10 * y + 100 * z); };
    std::array<std::size_t, 3> order{0, 1, 2};
    do
        for (int backwards = 0; backwards < 8; ++backwards) {
            VoxelToWorld matrix{};
            std::array<int, 3> size{};
            for (std::size_t a = 0; a < 3; ++a) {
                size[a] = patient[order[a]];
                matrix[order[a]][a] = backwards >> a & 1 ? -1.0 : 1.0;
                if (backwards >> a & 1) matrix[order[a]][3] = size[a] - 1;
            }
            Volume volume = on_grid(size, {1.0, 1.0, 1.0}, matrix);
            for (int k = 0; k < size[2]; ++k)
                for (int j = 0; j < size[1]; ++j)
                    for (int i = 0; i < size[0]; ++i) {
                        std::array<int, 3> place{};
                        for (std::size_t a = 0; a < 3; ++a) {
                            const int at = std::array{i, j, k}[a];
                            place[order[a]] = backwards >> a & 1 ? size[a] - 1 - at : at;
                        }
                        voxel(volume, i, j, k) = intensity(place[0], place[1], place[2]);
                    }
            for (std::size_t a = 0; a < 3; ++a) {
                INFO("axes " << order[0] << order[1] << order[2] << ", backwards " << backwards << ", axis "
                             << a);
                const int index = 1, at = backwards >> a & 1 ? size[a] - 1 - index : index;
                const OrientedCut result =
                    oriented_cut(volume, volume, static_cast<int>(a), index, CutInterpolation::nearest);
                const bool sagittal = order[a] == 0, coronal = order[a] == 1;
                Image expected(sagittal || coronal ? 5 : 4, sagittal ? 4 : 3);
                for (int row = 0; row < expected.height; ++row)
                    for (int column = 0; column < expected.width; ++column) {
                        const int up = expected.height - 1 - row, left = expected.width - 1 - column;
                        expected.at(row, column) = sagittal  ? intensity(at, left, up)
                                                   : coronal ? intensity(left, at, up)
                                                             : intensity(left, up, at);
                    }
                CHECK(largest_difference(result.image, expected) == 0.0);
                CHECK(result.name == (sagittal ? "sagittal" : coronal ? "coronal" : "axial"));
                CHECK(result.left + result.right == (sagittal ? "AP" : "RL"));
                CHECK(result.top + result.bottom == (sagittal || coronal ? "SI" : "AP"));
                CHECK(result.width_mm == expected.width);
                CHECK(result.height_mm == expected.height);
            }
        }
    while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a cut without orientation is shown as it is stored") {
    Volume volume = on_grid({4, 5, 3}, {1.0, 2.0, 3.0}, {});
    for (std::size_t i = 0; i < volume.voxels.size(); ++i) volume.voxels[i] = static_cast<float>(i);
    const OrientedCut result = oriented_cut(volume, volume, 1, 2, CutInterpolation::nearest);
    CHECK(largest_difference(result.image, extract_slice(volume, 1, 2)) == 0.0);
    CHECK(result.name == "slice");
    CHECK((result.left + result.right + result.top + result.bottom).empty());
    CHECK((result.width_mm == 4.0 && result.height_mm == 9.0));
}
