#pragma once

#include "base/philox.hpp"
#include "imaging/degradation.hpp"

// Acquisitions whose parameters are ranges: every scan, and in training every slice of every epoch, has its
// own.
namespace dnsp::imaging {

/// The acquisition with every range replaced by a number drawn from it: sigma, noise, thickness, spacing,
/// bias field, kernel and window are numbers 0 … 6 of `random`; number 8 decides about an image without
/// noise. Without a range of its own, the thickness or spacing follows the other. A degradation without
/// ranges is returned as it is.
Degradation drawn(const Degradation& degradation, const Philox& random);

/// The acquisition of a scan: drawn by noise_seed and the content of the image, so that a scan has the same
/// one wherever its file lies. For a volume, `image` is its middle slice along the last axis.
Degradation drawn_for(const Image& image, const Degradation& degradation);
Degradation drawn_for(const Volume& volume, const Degradation& degradation);

/// Through-plane, the distance of the slices in mm, or the range from which it is drawn.
NumberOrRange slice_spacing(const Degradation& degradation);

/// The true image as the scanner sees it before it degrades it: multiplied by the bias field of the
/// acquisition, if it has one.
Volume received(Volume volume, const Degradation& degradation);
Image received(Image image, const Degradation& degradation);

/// The image that a network gets for an image of the target's size: degraded, and interpolated at the
/// target's pixels. Through-plane, rows beyond the last whole slice are mirrored. Other parameters: those of
/// degrade().
Image network_image(const Image& target, const Degradation& degradation, double intensity_range,
                    double row_mm);

}  // namespace dnsp::imaging
