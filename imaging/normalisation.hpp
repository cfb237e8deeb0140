#pragma once

#include <span>
#include <string>

#include "imaging/image.hpp"

namespace dnsp::imaging {

/// The affine map of stored intensities onto the network's range: normalised = (x − low)/(high − low).
/// Values outside [low, high] are not clipped.
struct Normalisation {
    float low = 0.0f;
    float high = 1.0f;
    float apply(float x) const { return (x - low) / (high - low); }
    float restore(float x) const { return x * (high - low) + low; }
};

/// low = 0.1th and high = 99.9th percentile of all values (nearest rank), or minimum and maximum if the two
/// percentiles coincide. Throws FileError("subject: …") when all values are equal.
Normalisation percentile_normalisation(std::span<const float> values, const std::string& subject);

void normalise(std::span<float> values, const Normalisation& normalisation);
void restore(std::span<float> values, const Normalisation& normalisation);

}  // namespace dnsp::imaging
