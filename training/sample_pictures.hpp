#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "training/validation.hpp"

// Pictures of the samples of a run (training/validation.hpp) in the folder samples/ of the run. They are grey
// PNG files of 16 bits, in which 0 and 65535 are Subject::reference_range. Rows of volumes are drawn from the
// last to the first, as `evaluate --figure` does.
namespace dnsp {

/// samples/slice1_truth.png. `number` counts from 1. `what` is "truth", "input" or step_name().
std::filesystem::path sample_picture(const std::filesystem::path& run, std::size_t number,
                                     const std::string& what);
/// "step000300"
std::string step_name(std::int64_t step);

/// Writes a picture of each sample. Pixels that are not finite are drawn as 0.
void write_sample_pictures(const std::filesystem::path& run, const std::vector<Validation::Slice>& samples,
                           const std::vector<imaging::Image>& images, const std::string& what);

/// Pictures are written before the run and after at most this number of its epochs.
inline constexpr std::int64_t max_sampled_epochs = 12;
/// True if pictures are written at the end of `epoch`, from 1. The chosen epochs are evenly spaced and
/// contain the last one.
bool is_sampled(std::int64_t epoch, std::int64_t epochs);

}  // namespace dnsp
