#pragma once

#include <span>
#include <string>

#include "imaging/stored_voxels.hpp"
#include "imaging/volume_file.hpp"

// How intensities are stored in a file. Private to imaging/.
namespace dnsp::imaging {

/// Rounding to integers is coarse if its step exceeds this share of the intensity range: rounding alone then
/// limits the PSNR to 20·log10(√12/.01) = 50.8 dB, so that a result of 40 dB loses more than .35 dB.
inline constexpr double coarsest_step = 0.01;

/// The difference of percentiles .1 and 99.9 of all voxels but padding, of at most 2²⁰ of them at equal
/// distances; 0 if they are equal.
double robust_range(std::span<const Volume> volumes);

/// True if steps of `step`, counted from `offset`, are coarse, and rounding to them changes a voxel.
bool is_coarse(std::span<const Volume> volumes, double step, double offset);

struct StorageChoice {
    StoredType type;
    std::string change;  ///< a sentence about what differs from the type of the input; empty: nothing
};

/// The stored type of volumes that are written together. It is that of the first one's header, unless
/// - the user asks for another one;
/// - the format has no scale of intensities (`has_scale` false) and the header has one: float32;
/// - intensities do not fit: 8-bit types become int16; otherwise a slope is chosen that makes them fit. The
///   intercept is 0 unless intensities are far from 0, so that 0 stays 0;
/// - rounding is coarse: int16 with a chosen slope for 8-bit types, else the same type with one.
/// Where a slope is chosen and the format has none, or where rounding remains coarse: float32. Intensities
/// below the smallest value of an unsigned type do not count: interpolation makes them at edges, and they
/// become that value. `holding`: the smallest datatype of the format that holds a datatype.
StorageChoice choose_storage(std::span<const Volume> volumes, IntensityType asked, bool has_scale,
                             int (*holding)(int datatype));

/// Puts a stored type into a header. A scale that says the same stays as it is.
void set_stored_type(NiftiHeader& header, const StoredType& type);

}  // namespace dnsp::imaging
