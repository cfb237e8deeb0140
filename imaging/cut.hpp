#pragma once

#include <string>

#include "imaging/volume.hpp"

namespace dnsp::imaging {

enum class CutInterpolation { nearest, cubic };

/// The intensities of `volume` at the voxels of a slice of `grid` perpendicular to the storage axis `axis`,
/// by their positions in mm. Cubic: Keys' kernel on the three axes. Positions beyond the volume take the
/// intensity of its border. Both volumes may have any geometry that is not singular.
Image cut(const Volume& volume, const Volume& grid, int axis, int index, CutInterpolation interpolation);

/// A cut as a reader of images expects it: head or front at the top, the patient's right or front at the
/// left. Letters name the directions at the edges: L, R, A, P, S, I; empty for a volume without orientation.
struct OrientedCut {
    Image image;
    std::string name;  ///< axial, coronal or sagittal; "slice" without orientation
    double width_mm = 0.0, height_mm = 0.0;
    std::string left, right, top, bottom;
};

/// Orients cut() of a slice of `grid`.
OrientedCut oriented_cut(const Volume& volume, const Volume& grid, int axis, int index,
                         CutInterpolation interpolation);

}  // namespace dnsp::imaging
