#pragma once

#include <vector>

#include "imaging/image.hpp"
#include "imaging/normalisation.hpp"

namespace dnsp::imaging {

/// What the slices of a scan look like, to tell whether it resembles other scans.
struct ScanStatistics {
    double pixel_mm = 0.0;  ///< along the rows; 0: unknown, as for pictures
    double noise = 0.0;     ///< estimated σ, relative to the intensity range
    /// Share of the head's pixels with a normalised intensity of at most .1 + k·.05, k = 1 … 22; the head's
    /// pixels are those above .1.
    std::vector<double> histogram;
    /// Power at .8 to 1 of the Nyquist frequency relative to that at .35 to .55, in dB, mean of rows and
    /// columns: how much fine detail the acquisition left. Seven tenths of the estimated noise power are
    /// subtracted from both, because fine structure adds to the estimate. At least −30.
    double fine_detail_db = 0.0;
};

/// The noise is median |N ∗ I| / (6·.6745) over the pixels whose 3×3 neighbours show the head. N = [1 −2 1;
/// −2 4 −2; 1 −2 1] does not respond to ramps (Immerkær, Computer Vision and Image Understanding 64, 1996,
/// with the median in place of the mean). Fine structure adds to it.
ScanStatistics scan_statistics(const std::vector<Image>& slices, const Normalisation& range, double pixel_mm);

/// The area between two cumulative histograms: by how much intensities must be moved, relative to the range.
double histogram_distance(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace dnsp::imaging
