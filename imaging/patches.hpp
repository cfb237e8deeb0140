#pragma once

#include <optional>
#include <vector>

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// Top-left corner of a patch.
struct PatchCorner {
    int y = 0;
    int x = 0;
};

/// Share of pixels above `threshold`.
double foreground_fraction(const Image& image, float threshold);

/// Corners of the size×size patches on a grid of the given stride whose foreground fraction is at least
/// `minimum_foreground`.
std::vector<PatchCorner> patch_corners(const Image& image, int size, int stride, float foreground_threshold,
                                       double minimum_foreground);

/// One of the eight symmetries of the square: bit 0 mirrors columns (left–right), bit 1 mirrors rows
/// (top–bottom), bit 2 transposes (applied first).
Image apply_symmetry(const Image& image, int symmetry);
/// The symmetry that undoes another one.
int inverse_symmetry(int symmetry);

/// The sharpest and the smoothest size×size patch of an image (paper, Sec. III), by the squared Frobenius
/// norm of the response of the Laplacian L/4 (Eq. 20, valid region). Every stride-th
/// position is a candidate. The paper removes poor candidates by eye; here candidates need a foreground
/// fraction of at least `minimum_foreground`, which excludes empty background. Empty if no patch qualifies.
struct SharpSmoothPair {
    Image sharp;
    Image smooth;
    double sharp_response = 0.0;
    double smooth_response = 0.0;
};
std::optional<SharpSmoothPair> select_sharp_and_smooth(const Image& image, int size, int stride,
                                                       float foreground_threshold, double minimum_foreground);

}  // namespace dnsp::imaging
