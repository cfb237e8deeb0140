#pragma once

#include <complex>
#include <vector>

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// A complex image or its spectrum: height × width values, row-major. The zero frequency of a spectrum is the
/// first value.
struct ComplexImage {
    int height = 0;
    int width = 0;
    std::vector<std::complex<double>> values;
};

/// The unitary two-dimensional discrete Fourier transform of an image of any size:
///   F(u, v) = 1/√(hw) · Σ f(y, x) · exp(−2πi (uy/h + vx/w))
/// It keeps the sum of squares and maps white noise to white noise of equal variance.
ComplexImage fourier_transform(const Image& image);

/// The inverse of fourier_transform().
ComplexImage inverse_fourier_transform(const ComplexImage& spectrum);

}  // namespace dnsp::imaging
