#include "imaging/nifti_header.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "imaging/nifti.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace dnsp::imaging {
namespace {

constexpr int spatial_units_mask = 0x07;
/// Relative difference of voxel sizes and sform that is more than rounding.
constexpr double contradicting_sizes = 0.05;

double mm_per_unit(const nifti_2_header& fields) {
    const int units = fields.xyzt_units & spatial_units_mask;
    return units == NIFTI_UNITS_METER ? 1e3 : units == NIFTI_UNITS_MICRON ? 1e-3 : 1.0;
}

nifti_dmat44 sform_matrix(const nifti_2_header& fields) {
    nifti_dmat44 matrix{};
    for (int column = 0; column < 4; ++column) {
        matrix.m[0][column] = fields.srow_x[column];
        matrix.m[1][column] = fields.srow_y[column];
        matrix.m[2][column] = fields.srow_z[column];
    }
    matrix.m[3][3] = 1.0;
    return matrix;
}

nifti_dmat44 qform_matrix(const nifti_2_header& fields) {
    const double handedness = fields.pixdim[0] < 0.0 ? -1.0 : 1.0;
    return nifti_quatern_to_dmat44(fields.quatern_b, fields.quatern_c, fields.quatern_d, fields.qoffset_x,
                                   fields.qoffset_y, fields.qoffset_z, fields.pixdim[1], fields.pixdim[2],
                                   fields.pixdim[3], handedness);
}

}  // namespace

nifti_2_header widen(const nifti_1_header& narrow) {
    nifti_2_header wide{};
    wide.sizeof_hdr = sizeof(nifti_2_header);
    wide.datatype = narrow.datatype;
    wide.bitpix = narrow.bitpix;
    for (int i = 0; i < 8; ++i) {
        wide.dim[i] = narrow.dim[i];
        wide.pixdim[i] = narrow.pixdim[i];
    }
    wide.intent_p1 = narrow.intent_p1;
    wide.intent_p2 = narrow.intent_p2;
    wide.intent_p3 = narrow.intent_p3;
    const bool has_offset = std::isfinite(narrow.vox_offset) && std::abs(narrow.vox_offset) < 1e15f;
    wide.vox_offset = has_offset ? static_cast<std::int64_t>(narrow.vox_offset) : 0;
    wide.scl_slope = narrow.scl_slope;
    wide.scl_inter = narrow.scl_inter;
    wide.cal_max = narrow.cal_max;
    wide.cal_min = narrow.cal_min;
    wide.slice_duration = narrow.slice_duration;
    wide.toffset = narrow.toffset;
    wide.slice_start = narrow.slice_start;
    wide.slice_end = narrow.slice_end;
    std::copy_n(narrow.descrip, sizeof narrow.descrip, wide.descrip);
    std::copy_n(narrow.aux_file, sizeof narrow.aux_file, wide.aux_file);
    wide.qform_code = narrow.qform_code;
    wide.sform_code = narrow.sform_code;
    wide.quatern_b = narrow.quatern_b;
    wide.quatern_c = narrow.quatern_c;
    wide.quatern_d = narrow.quatern_d;
    wide.qoffset_x = narrow.qoffset_x;
    wide.qoffset_y = narrow.qoffset_y;
    wide.qoffset_z = narrow.qoffset_z;
    for (int i = 0; i < 4; ++i) {
        wide.srow_x[i] = narrow.srow_x[i];
        wide.srow_y[i] = narrow.srow_y[i];
        wide.srow_z[i] = narrow.srow_z[i];
    }
    wide.slice_code = narrow.slice_code;
    wide.xyzt_units = narrow.xyzt_units;
    wide.intent_code = narrow.intent_code;
    std::copy_n(narrow.intent_name, sizeof narrow.intent_name, wide.intent_name);
    wide.dim_info = narrow.dim_info;
    return wide;
}

void prepend_description(Volume& volume, const std::string& text) {
    if (!volume.header) return;
    auto header = std::make_shared<NiftiHeader>(*volume.header);
    auto& field = header->fields.descrip;
    const std::string old(field, strnlen(field, sizeof field));
    std::string joined = old.empty() ? text : text + "; " + old;
    std::size_t end = std::min(joined.size(), sizeof field - 1);
    // A character of UTF-8 is not cut: its bytes after the first are 10xxxxxx.
    while (end > 0 && end < joined.size() && (joined[end] & 0xC0) == 0x80) --end;
    std::memset(field, 0, sizeof field);
    std::copy_n(joined.begin(), end, field);
    volume.header = std::move(header);
}

nifti_1_header narrow(const nifti_2_header& wide) {
    nifti_1_header narrow{};
    narrow.sizeof_hdr = sizeof(nifti_1_header);
    narrow.regular = 'r';
    narrow.datatype = wide.datatype;
    narrow.bitpix = wide.bitpix;
    for (int i = 0; i < 8; ++i) {
        narrow.dim[i] = static_cast<short>(wide.dim[i]);
        narrow.pixdim[i] = static_cast<float>(wide.pixdim[i]);
    }
    narrow.intent_p1 = static_cast<float>(wide.intent_p1);
    narrow.intent_p2 = static_cast<float>(wide.intent_p2);
    narrow.intent_p3 = static_cast<float>(wide.intent_p3);
    narrow.vox_offset = static_cast<float>(sizeof(nifti_1_header) + 4);
    narrow.scl_slope = static_cast<float>(wide.scl_slope);
    narrow.scl_inter = static_cast<float>(wide.scl_inter);
    narrow.cal_max = static_cast<float>(wide.cal_max);
    narrow.cal_min = static_cast<float>(wide.cal_min);
    narrow.slice_duration = static_cast<float>(wide.slice_duration);
    narrow.toffset = static_cast<float>(wide.toffset);
    narrow.slice_start = static_cast<short>(wide.slice_start);
    narrow.slice_end = static_cast<short>(wide.slice_end);
    std::copy_n(wide.descrip, sizeof wide.descrip, narrow.descrip);
    std::copy_n(wide.aux_file, sizeof wide.aux_file, narrow.aux_file);
    narrow.qform_code = static_cast<short>(wide.qform_code);
    narrow.sform_code = static_cast<short>(wide.sform_code);
    narrow.quatern_b = static_cast<float>(wide.quatern_b);
    narrow.quatern_c = static_cast<float>(wide.quatern_c);
    narrow.quatern_d = static_cast<float>(wide.quatern_d);
    narrow.qoffset_x = static_cast<float>(wide.qoffset_x);
    narrow.qoffset_y = static_cast<float>(wide.qoffset_y);
    narrow.qoffset_z = static_cast<float>(wide.qoffset_z);
    for (int i = 0; i < 4; ++i) {
        narrow.srow_x[i] = static_cast<float>(wide.srow_x[i]);
        narrow.srow_y[i] = static_cast<float>(wide.srow_y[i]);
        narrow.srow_z[i] = static_cast<float>(wide.srow_z[i]);
    }
    narrow.slice_code = static_cast<char>(wide.slice_code);
    narrow.xyzt_units = static_cast<char>(wide.xyzt_units);
    narrow.intent_code = static_cast<short>(wide.intent_code);
    std::copy_n(wide.intent_name, sizeof wide.intent_name, narrow.intent_name);
    narrow.dim_info = wide.dim_info;
    std::memcpy(narrow.magic, "n+1", 4);
    return narrow;
}

NiftiHeader plain_header(const Volume& volume) {
    NiftiHeader header;
    nifti_2_header& fields = header.fields;
    fields.datatype = DT_FLOAT32;
    fields.bitpix = 32;
    fields.scl_slope = 1.0;
    fields.xyzt_units = NIFTI_UNITS_MM;
    fields.dim[0] = 3;
    std::fill_n(fields.dim + 1, 7, 1);
    std::fill_n(fields.pixdim, 8, 1.0);
    for (std::size_t axis = 0; axis < 3; ++axis) {
        fields.dim[axis + 1] = volume.size[axis];
        if (volume.voxel_size_mm[axis] > 0.0) fields.pixdim[axis + 1] = volume.voxel_size_mm[axis];
    }
    return header;
}

void set_voxel_to_world(NiftiHeader& header, const VoxelToWorld& matrix) {
    nifti_2_header& fields = header.fields;
    nifti_dmat44 m{};
    m.m[3][3] = 1.0;
    double* rows[3] = {fields.srow_x, fields.srow_y, fields.srow_z};
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 4; ++j) rows[i][j] = m.m[i][j] = matrix[i][j];
    fields.sform_code = fields.qform_code = NIFTI_XFORM_SCANNER_ANAT;
    double dx, dy, dz;
    nifti_dmat44_to_quatern(m, &fields.quatern_b, &fields.quatern_c, &fields.quatern_d, &fields.qoffset_x,
                            &fields.qoffset_y, &fields.qoffset_z, &dx, &dy, &dz, &fields.pixdim[0]);
}

IntensityScale intensity_scale(const NiftiHeader& header) {
    const double slope = header.fields.scl_slope;
    const double intercept = header.fields.scl_inter;
    if (slope == 0.0 || !std::isfinite(slope)) return {};
    return {slope, intercept};
}

std::vector<std::string> repair_forms(NiftiHeader& header) {
    nifti_2_header& fields = header.fields;
    std::vector<std::string> notes;
    const auto drop = [&](const char* form, std::int32_t& code) {
        if (code >= NIFTI_XFORM_UNKNOWN && code <= NIFTI_XFORM_TEMPLATE_OTHER) return;
        notes.push_back(fmt::format("the {0}_code {1} of the header is none of NIfTI's; the {0} is left out",
                                    form, code));
        code = NIFTI_XFORM_UNKNOWN;
    };
    drop("qform", fields.qform_code);
    drop("sform", fields.sform_code);
    double& handedness = fields.pixdim[0];
    if (fields.qform_code > 0 && handedness != 0.0 && std::abs(handedness) != 1.0) {
        const double taken = handedness < 0.0 ? -1.0 : 1.0;
        notes.push_back(
            fmt::format("pixdim[0] of the header, the handedness of the qform, is {} instead of "
                        "1 or -1; {} is assumed",
                        handedness, taken));
        handedness = taken;
    }
    return notes;
}

bool has_rotation(const NiftiHeader& header) {
    const nifti_2_header& fields = header.fields;
    const double eps =
        header.version == 1 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
    const double b = fields.quatern_b, c = fields.quatern_c, d = fields.quatern_d;
    return b * b + c * c + d * d <= 1.0 + 3.0 * eps;
}

std::vector<std::string> complete_voxel_sizes(NiftiHeader& header) {
    nifti_2_header& fields = header.fields;
    const double mm = mm_per_unit(fields);
    std::vector<std::string> notes, contradictions;
    std::vector<std::pair<std::string, std::string>> guesses;  // what is said of an axis, and the axes
    const auto guess = [&](char axis, const std::string& said) {
        const auto same = std::ranges::find(guesses, said, [](const auto& each) { return each.first; });
        (same == guesses.end() ? guesses.emplace_back(said, "") : *same).second += axis;
    };
    if (mm != 1.0)
        notes.push_back(fmt::format("the header has lengths in {}; they are converted to mm",
                                    mm > 1.0 ? "metres" : "micrometres"));
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const char name = "xyz"[axis];
        double& size = fields.pixdim[axis + 1];
        const double of_sform =
            fields.sform_code > 0 ? std::hypot(fields.srow_x[axis], fields.srow_y[axis], fields.srow_z[axis])
                                  : 0.0;
        const bool has_sform = std::isfinite(of_sform) && of_sform > 0.0;
        if (!std::isfinite(size) || size == 0.0) {
            const double stored = size;
            size = has_sform ? of_sform : 1.0 / mm;
            guess(name, fmt::format("is {} in the header; {:.4g} mm is {}", stored, mm * size,
                                    has_sform ? "taken from the sform" : "assumed"));
        } else if (size < 0.0) {
            guess(name,
                  fmt::format("is {:.4g} mm in the header; {:.4g} mm is assumed", mm * size, -mm * size));
            size = -size;
        }
        if (has_sform && std::abs(size - of_sform) > contradicting_sizes * of_sform)
            contradictions.push_back(
                fmt::format("{:.4g} mm along {} instead of {:.4g} mm", mm * of_sform, name, mm * size));
    }
    for (const auto& [said, axes] : guesses) {
        std::string listed;
        for (std::size_t i = 0; i < axes.size(); ++i) {
            if (i > 0) listed += i + 1 == axes.size() ? " and " : ", ";
            listed += axes[i];
        }
        notes.push_back(fmt::format("the voxel size along {} {}", listed, said));
    }
    if (!contradictions.empty())
        notes.push_back(
            fmt::format("the sform contradicts the voxel sizes of the header: {}; the sizes are used, and "
                        "positions follow the sform",
                        fmt::join(contradictions, ", ")));
    return notes;
}

std::optional<std::string> contradicting_forms(const NiftiHeader& header) {
    const nifti_2_header& fields = header.fields;
    if (fields.sform_code <= 0 || fields.sform_code != fields.qform_code || !has_rotation(header))
        return std::nullopt;
    const nifti_dmat44 sform = sform_matrix(fields), qform = qform_matrix(fields);
    for (int axis = 0; axis < 3; ++axis) {
        const double of_sform = std::hypot(sform.m[0][axis], sform.m[1][axis], sform.m[2][axis]);
        if (std::abs(fields.pixdim[axis + 1] - of_sform) > contradicting_sizes * of_sform)
            return std::nullopt;
    }
    double farthest = 0.0;
    for (int corner = 0; corner < 8; ++corner) {
        double between[3] = {};
        for (int row = 0; row < 3; ++row) {
            between[row] = qform.m[row][3] - sform.m[row][3];
            for (int axis = 0; axis < 3; ++axis)
                if ((corner >> axis & 1) != 0)
                    between[row] += (qform.m[row][axis] - sform.m[row][axis]) *
                                    static_cast<double>(fields.dim[axis + 1] - 1);
        }
        farthest = std::max(farthest, std::hypot(between[0], between[1], between[2]));
    }
    const double smallest = *std::min_element(fields.pixdim + 1, fields.pixdim + 4);
    if (farthest < 0.5 * smallest) return std::nullopt;
    return fmt::format(
        "qform and sform contradict each other: by the qform, voxels lie up to {:.3g} mm elsewhere; the sform "
        "is used, and both are kept",
        mm_per_unit(fields) * farthest);
}

std::array<double, 3> voxel_size_mm(const NiftiHeader& header) {
    const double mm = mm_per_unit(header.fields);
    std::array<double, 3> size{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const double stored = std::abs(header.fields.pixdim[axis + 1]);
        size[axis] = mm * (std::isfinite(stored) && stored > 0.0 ? stored : 1.0);
    }
    return size;
}

VoxelToWorld voxel_to_world(const NiftiHeader& header) {
    const nifti_2_header& fields = header.fields;
    VoxelToWorld world{};
    if (fields.sform_code <= 0 && fields.qform_code <= 0) {
        const std::array<double, 3> size = voxel_size_mm(header);
        for (std::size_t axis = 0; axis < 3; ++axis) world[axis][axis] = size[axis];
        return world;
    }
    const nifti_dmat44 matrix = fields.sform_code > 0 ? sform_matrix(fields) : qform_matrix(fields);
    for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t column = 0; column < 4; ++column)
            world[row][column] = mm_per_unit(fields) * matrix.m[row][column];
    return world;
}

std::optional<int> head_foot_axis(const NiftiHeader& header) {
    const nifti_2_header& fields = header.fields;
    if (fields.sform_code <= 0 && fields.qform_code <= 0) return std::nullopt;
    std::array<int, 3> directions{};
    nifti_dmat44_to_orientation(fields.sform_code > 0 ? sform_matrix(fields) : qform_matrix(fields),
                                &directions[0], &directions[1], &directions[2]);
    for (int axis = 0; axis < 3; ++axis) {
        const int direction = directions[static_cast<std::size_t>(axis)];
        if (direction == NIFTI_I2S || direction == NIFTI_S2I) return axis;
    }
    return std::nullopt;
}

NiftiHeader with_changed_grid(const NiftiHeader& header, const std::array<bool, 3>& changed,
                              const std::array<int, 3>& size, double ratio, double shift) {
    NiftiHeader result = header;
    nifti_2_header& fields = result.fields;
    const nifti_dmat44 qform = qform_matrix(header.fields);
    const bool oriented = fields.qform_code > 0 || fields.sform_code > 0;
    for (int i = 0; i < 3; ++i) {
        fields.dim[i + 1] = size[static_cast<std::size_t>(i)];
        if (!changed[static_cast<std::size_t>(i)]) continue;
        fields.pixdim[i + 1] *= ratio;
        if (DIM_INFO_TO_SLICE_DIM(fields.dim_info) == i + 1) {
            // The timing describes slices that no longer exist.
            fields.slice_code = 0;
            fields.slice_start = fields.slice_end = 0;
            fields.slice_duration = 0.0;
        }
        if (!oriented) continue;
        fields.qoffset_x += qform.m[0][i] * shift;
        fields.qoffset_y += qform.m[1][i] * shift;
        fields.qoffset_z += qform.m[2][i] * shift;
        fields.srow_x[3] += fields.srow_x[i] * shift;
        fields.srow_y[3] += fields.srow_y[i] * shift;
        fields.srow_z[3] += fields.srow_z[i] * shift;
        fields.srow_x[i] *= ratio;
        fields.srow_y[i] *= ratio;
        fields.srow_z[i] *= ratio;
    }
    return result;
}

}  // namespace dnsp::imaging
