#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "models/classical/srsw_patches.hpp"

namespace dnsp::classical {

/// Vectors of one length, one a row.
using PatchMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Pairs of patches at low and high resolution, in normalised intensities.
struct SrswDatabase {
    imaging::Degradation degradation;  ///< that made the low-resolution patches
    int patch = 3;
    std::uint64_t seed = 0;          ///< of the choice of pairs
    std::vector<std::string> files;  ///< names of the volumes, without folders
    PatchMatrix low;                 ///< [pairs, p²]
    PatchMatrix high;                ///< [pairs, (scale·p)²]

    PatchGeometry geometry() const { return {patch, degradation.scale}; }
};

/// Writes the database atomically. Format, little-endian: the 8 bytes "DNSPSRSW", uint32 version (1), uint32
/// length of the header, the header in JSON (preset, kernel, sigma, scale, phase, noise, noise_seed, patch,
/// pairs, seed, files), `low` and `high` as float32. Throws FileError with the system's reason.
void write_srsw_database(const std::filesystem::path& path, const SrswDatabase& database);

/// Throws FileError for a file that is absent, of another kind or version, truncated, longer than its header
/// says, or with values that are not finite.
SrswDatabase read_srsw_database(const std::filesystem::path& path);

/// Throws FileError if `degradation` is not that of the database (preset, kernel, σ, scale, phase). `subject`
/// is the path of the database.
void require_degradation(const SrswDatabase& database, const imaging::Degradation& degradation,
                         const std::string& subject);

}  // namespace dnsp::classical
