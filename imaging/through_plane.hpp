#pragma once

#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/image.hpp"
#include "imaging/resample.hpp"

// Two-dimensional acquisition: thick slices along one axis. The field of view is divided into cells of
// `spacing`, which begin at the edge of the first voxel; a slice lies at the middle of each cell. It may be
// thinner than the cell (a gap) or thicker (overlap).
namespace dnsp::imaging {

/// The sensitivity of a slice to tissue at a distance from its middle.
enum class SliceProfile {
    box,
    gaussian,  ///< full width at half maximum = thickness
    measured   ///< samples, linear between them, 0 beyond
};

struct ThroughPlane {
    double thickness = 0.0;  ///< mm
    double spacing = 0.0;    ///< mm, between the middles of neighbouring slices
    SliceProfile profile = SliceProfile::gaussian;
    struct Sample {
        double position;  ///< mm from the middle of the slice
        double sensitivity;
    };
    std::vector<Sample> samples = {};  ///< of a measured profile, by rising position

    /// The same acquisition at another scale: all lengths changed so that the spacing is `spacing_mm`.
    ThroughPlane scaled_to(double spacing_mm) const;

    /// The integral of the sensitivity from `a` to `b` (mm from the middle), apart from a factor.
    double sensitivity(double a, double b) const;
    /// Distance in mm beyond which the sensitivity vanishes; a Gaussian is cut at four standard deviations.
    double support() const;
};

/// Throws FileError for a thickness or spacing that is not a positive number, and for a measured profile of
/// fewer than two samples, of positions that do not rise, or of sensitivities that are negative or all 0.
void validate(const ThroughPlane& acquisition);

/// Number of slices in `size` voxels of `voxel_mm`: whole cells. Throws FileError if there is none, and for a
/// spacing below the voxel size.
int thick_slice_count(int size, double voxel_mm, const ThroughPlane& acquisition);

/// Number of voxels of `voxel_mm` that lie wholly in the field of view of `slices` slices.
int thin_slice_count(int slices, double voxel_mm, double spacing_mm);

/// The acquisition along an axis of `size` voxels: a slice is the mean of the voxels, weighted by the
/// integral of the sensitivity over each. Borders are mirrored. `slices`: their number; 0:
/// thick_slice_count().
AxisResampler thick_slices(int size, double voxel_mm, const ThroughPlane& acquisition, int slices = 0);

/// Keys' cubic interpolation of `slices` slices at the thin_slice_count() voxels of their field of view, or
/// at its first `count` voxels and beyond. Borders are mirrored.
AxisResampler thin_slices(int slices, double voxel_mm, double spacing_mm, int count = 0);

/// The options of ThroughPlane.
struct ThroughPlaneSettings {
    NumberOrRange thickness = {};  ///< mm; 0 with a measured profile: the extent of its samples
    NumberOrRange spacing = {};    ///< mm; 0: the thickness
    SliceProfile profile = SliceProfile::gaussian;
    std::string profile_file;                  ///< of a measured profile
    std::vector<std::string> profile_samples;  ///< "position sensitivity", as read from profile_file
    void visit(OptionVisitor& visitor);

    /// Reads profile_file, if there is one, into profile_samples. Text: a line "position sensitivity" for
    /// each sample, position in mm from the middle of the slice; lines that begin with # are ignored. Throws
    /// FileError("path: reason").
    void read_profile();
    /// Throws FileError as validate() does, for a profile file without the profile `measured`, and for the
    /// profile `measured` without samples.
    ThroughPlane make() const;
};

}  // namespace dnsp::imaging
