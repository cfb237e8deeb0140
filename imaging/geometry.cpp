#include "imaging/geometry.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "imaging/nifti_header.hpp"

namespace dnsp::imaging {

VoxelToWorld voxel_to_world(const Volume& volume) {
    VoxelToWorld m{};
    if (volume.header) {
        m = voxel_to_world(*volume.header);
    } else {
        for (std::size_t axis = 0; axis < 3; ++axis) m[axis][axis] = volume.voxel_size_mm[axis];
    }
    const double determinant = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                               m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                               m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    bool finite = std::isfinite(determinant);
    for (const auto& row : m) finite = finite && std::isfinite(row[3]);
    require(finite && determinant != 0.0, volume.path.empty() ? "volume" : volume.path,
            "the matrix of its orientation is singular or not finite");
    return m;
}

double corner_distance_mm(const VoxelToWorld& a, const VoxelToWorld& b, const std::array<int, 3>& size) {
    double largest = 0.0;
    for (int corner = 0; corner < 8; ++corner) {
        double squares = 0.0;
        for (std::size_t row = 0; row < 3; ++row) {
            double difference = a[row][3] - b[row][3];
            for (std::size_t axis = 0; axis < 3; ++axis)
                if ((corner >> axis) & 1) difference += (a[row][axis] - b[row][axis]) * (size[axis] - 1);
            squares += difference * difference;
        }
        largest = std::max(largest, std::sqrt(squares));
    }
    return largest;
}

Volume on_grid_of(const Volume& grid, const Volume& intensities) {
    Volume result;
    result.size = grid.size;
    result.voxel_size_mm = grid.voxel_size_mm;
    result.path = intensities.path;
    result.voxels.assign(grid.voxels.size(), 0.0f);
    NiftiHeader header = grid.header ? *grid.header : plain_header(grid);
    const NiftiHeader source = intensities.header ? *intensities.header : plain_header(intensities);
    header.fields.datatype = source.fields.datatype;
    header.fields.bitpix = source.fields.bitpix;
    header.fields.scl_slope = source.fields.scl_slope;
    header.fields.scl_inter = source.fields.scl_inter;
    header.fields.cal_min = source.fields.cal_min;
    header.fields.cal_max = source.fields.cal_max;
    std::copy_n(source.fields.descrip, sizeof source.fields.descrip, header.fields.descrip);
    result.header = std::make_shared<const NiftiHeader>(header);
    return result;
}

}  // namespace dnsp::imaging
