#pragma once

#include <cstdint>

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// A hash of the size and the pixels of an image (FNV-1a, 64 bits). It identifies an image by its content,
/// not by its place, so that the same slice gets the same noise wherever its file lies.
std::uint64_t content_hash(const Image& image);

/// Replaces every pixel x by |x + n₁ + i·n₂| with independent n₁, n₂ ~ N(0, σ²): the magnitude of a complex
/// signal with Gaussian noise (Rician distribution; Gudbjartsson and Patz 1995). The noise is a pure function
/// of (seed, stream) and the position of the pixel. σ has the unit of the pixels; σ = 0 changes nothing.
void add_rician_noise(Image& image, double sigma, std::uint64_t seed, std::uint64_t stream);

}  // namespace dnsp::imaging
