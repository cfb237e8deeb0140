#pragma once

#include <cmath>

#include "base/philox.hpp"
#include "imaging/nifti.hpp"
#include "imaging/volume.hpp"
#include "tests/temporary_folder.hpp"

namespace dnsp::testing {

/// A small volume for training: an ellipsoid with folds and noise, surrounded by zeros.
inline imaging::Volume synthetic_head(int nx = 56, int ny = 64, int nz = 40, std::uint64_t seed = 1) {
    imaging::Volume volume;
    volume.size = {nx, ny, nz};
    volume.voxel_size_mm = {1.0, 1.0, 1.0};
    volume.path = "synthetic head";
    const Philox random{seed, 0};
    for (int z = 0; z < nz; ++z)
        for (int y = 0; y < ny; ++y)
            for (int x = 0; x < nx; ++x) {
                const double u = 2.0 * x / (nx - 1) - 1, v = 2.0 * y / (ny - 1) - 1,
                             w = 2.0 * z / (nz - 1) - 1;
                const double r = std::sqrt(u * u + v * v + 0.3 * w * w);
                const double folds =
                    std::sin(9 * u + 4 * w + static_cast<double>(seed)) * std::cos(11 * v - 3 * w);
                const double noise = random.uniform(volume.voxels.size());
                volume.voxels.push_back(r < 0.9 ? static_cast<float>(500 + 250 * folds + 60 * noise) : 0.0f);
            }
    return volume;
}

}  // namespace dnsp::testing
