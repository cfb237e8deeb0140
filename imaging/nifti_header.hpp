#pragma once

#include <nifti2_io.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "imaging/geometry.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// The header of one 3-D volume in the wider fields of NIfTI-2, and the version of the file that it was read
/// from. A NIfTI-1 header fits without loss, except for the fields that NIfTI calls unused. Volumes of other
/// formats have one too. Private to imaging/.
struct NiftiHeader {
    nifti_2_header fields{};
    int version = 1;
    std::vector<std::byte> extensions =
        {};  ///< as in the file: size, code, content, in multiples of 16 bytes
    std::vector<std::byte> mgh_footer = {};  ///< what an MGH file has after its voxels
};

nifti_2_header widen(const nifti_1_header& narrow);

/// The NIfTI-1 header; offset, size and magic string are set for a single file.
nifti_1_header narrow(const nifti_2_header& wide);

/// The header for a volume without header: float32, millimetres, no orientation.
NiftiHeader plain_header(const Volume& volume);

/// Sets sform and qform to a matrix in mm, in the scanner's coordinates.
void set_voxel_to_world(NiftiHeader& header, const VoxelToWorld& matrix);

/// Slope and intercept of intensity = slope·stored + intercept; a slope of 0 or NaN means no scaling.
struct IntensityScale {
    double slope = 1.0;
    double intercept = 0.0;
};
IntensityScale intensity_scale(const NiftiHeader& header);

/// Sets codes of qform and sform that NIfTI does not define to 0: such a form is not used. Sets the
/// handedness of a qform, pixdim[0], to 1 or −1 by its sign. Returns sentences that say so.
std::vector<std::string> repair_forms(NiftiHeader& header);

/// Whether the quaternion of the qform is one: b² + c² + d² ≤ 1, within the rounding of the file's numbers.
bool has_rotation(const NiftiHeader& header);

/// Sets voxel sizes that the header leaves unset (0, NaN, infinite) to that of the sform, else to 1 mm, and
/// negative ones to their absolute value, so that all programs read the same size from a result. Returns
/// sentences that say so, one if sizes and sform differ by more than 5 %, and one for another unit than mm.
std::vector<std::string> complete_voxel_sizes(NiftiHeader& header);

/// A sentence if qform and sform claim the same coordinates (equal codes) and put a corner of the grid half a
/// voxel apart or more: programs that prefer the qform show the image elsewhere. Empty if the voxel sizes
/// contradict the sform, which complete_voxel_sizes() tells, or the quaternion is no rotation.
std::optional<std::string> contradicting_forms(const NiftiHeader& header);

/// Voxel size in mm along the storage axes; unknown units count as mm, an unset size as 1.
std::array<double, 3> voxel_size_mm(const NiftiHeader& header);

/// The matrix of geometry.hpp, in mm: sform, else qform, else voxel sizes from the origin.
VoxelToWorld voxel_to_world(const NiftiHeader& header);

/// The storage axis nearest to head–foot; empty if the header has no orientation.
std::optional<int> head_foot_axis(const NiftiHeader& header);

/// The header of a changed grid: along the `changed` axes, voxels are `ratio` times as large and the first
/// voxel is shifted by `shift` old voxels.
NiftiHeader with_changed_grid(const NiftiHeader& header, const std::array<bool, 3>& changed,
                              const std::array<int, 3>& size, double ratio, double shift);

/// Calls visit.template operator()<T>() with the type behind a datatype code; false for a type that is
/// neither integer nor float32/64.
template <class Visitor>
bool with_stored_type(int datatype, Visitor&& visit) {
    switch (datatype) {
        case DT_UINT8:
            visit.template operator()<std::uint8_t>();
            return true;
        case DT_INT8:
            visit.template operator()<std::int8_t>();
            return true;
        case DT_UINT16:
            visit.template operator()<std::uint16_t>();
            return true;
        case DT_INT16:
            visit.template operator()<std::int16_t>();
            return true;
        case DT_UINT32:
            visit.template operator()<std::uint32_t>();
            return true;
        case DT_INT32:
            visit.template operator()<std::int32_t>();
            return true;
        case DT_UINT64:
            visit.template operator()<std::uint64_t>();
            return true;
        case DT_INT64:
            visit.template operator()<std::int64_t>();
            return true;
        case DT_FLOAT32:
            visit.template operator()<float>();
            return true;
        case DT_FLOAT64:
            visit.template operator()<double>();
            return true;
        default:
            return false;
    }
}

}  // namespace dnsp::imaging
