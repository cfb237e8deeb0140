#pragma once

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "base/philox.hpp"
#include "imaging/nifti.hpp"
#include "imaging/volume.hpp"

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

/// A temporary folder; the destructor removes it.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        static int counter = 0;
        path_ = std::filesystem::temp_directory_path() /
                ("dnsp-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
        std::filesystem::create_directories(path_);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace dnsp::testing
