#pragma once

#include <functional>
#include <vector>

#include "imaging/image.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// The sample that stands at position i beyond a border: … 2 1 0 | 0 1 2 … size−1 | size−1 size−2 …
int mirrored_index(int i, int size);

/// A linear map of one axis, stored by rows: output k = Σ_t weight[k][t] · input[index[k][t]]. Rows sum to 1;
/// borders are mirrored with the edge sample repeated (…2 1 0 | 0 1 2…), as MATLAB does.
struct AxisResampler {
    int input_size = 0;
    int output_size = 0;
    int taps = 0;                ///< per row
    std::vector<int> index;      ///< [output_size, taps]
    std::vector<double> weight;  ///< [output_size, taps]
};

/// Row k samples the input at position(k) (in input samples) with kernel(sample − position(k)), kernel
/// supported on |distance| < support (input samples), rows normalised to sum 1.
AxisResampler make_resampler(int input_size, int output_size, const std::function<double(int)>& position,
                             const std::function<double(double)>& kernel, double support);

/// Keys' cubic with a = −1/2 at the phase of MATLAB's imresize: u = x/s + ½(1 − 1/s) (Phase::center), or
/// u = x/s (Phase::corner).
AxisResampler bicubic_enlarger(int input_size, int scale, Phase phase);

/// Keys' cubic with a = −1/2 at the positions start + k·step (input samples), k < output_size.
AxisResampler cubic_interpolator(int input_size, int output_size, double start, double step);

/// Keeps every sample.
AxisResampler identity_resampler(int size);

/// MATLAB's imresize(…, 1/scale, 'bicubic'): the kernel widened to 4·scale, output size ceil(size/scale)
/// for Phase::center; the same kernel at positions scale·k for Phase::corner.
AxisResampler bicubic_shrinker(int input_size, int scale, Phase phase);

/// Applies a map to the rows' axis and one to the columns' axis, accumulating in double.
Image resample(const Image& image, const AxisResampler& vertical, const AxisResampler& horizontal);

/// Enlarges both sides by `scale`, bicubic.
Image enlarge_bicubic(const Image& image, int scale, Phase phase = Phase::center);

}  // namespace dnsp::imaging
