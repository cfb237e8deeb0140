#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dnsp::statistics {

/// The metrics of one method on one slice. A method without seeds has seed 0.
struct Score {
    std::string dataset, subject;
    int slice = 0;
    std::string method;
    int scale = 0;
    std::string regime;  ///< of the training; may be empty
    std::uint64_t seed = 0;
    double psnr_db = 0.0, ssim = 0.0;
    std::string place;  ///< "file, line 12", for messages
};

/// A metric of a score: &Score::psnr_db or &Score::ssim.
using Metric = double Score::*;

/// The scores of one or more CSV files. The first line of each names the columns dataset, subject, slice,
/// method, scale, regime, seed, psnr_db and ssim, in any order; other columns are ignored. Throws FileError,
/// with file and line, for a missing or doubled column, a record of another length, an empty data set,
/// subject or method, a number that cannot be read or is not finite, an SSIM outside [−1, 1], a file without
/// scores, and a score that occurs twice.
std::vector<Score> read_scores(const std::vector<std::filesystem::path>& paths);

}  // namespace dnsp::statistics
