#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "imaging/image.hpp"
#include "imaging/normalisation.hpp"

namespace dnsp::imaging {

/// Normalised intensities above this level show tissue.
inline constexpr float tissue_level = 0.1f;

/// A mixture of three normal distributions of the intensities of a brain: the anatomical features of LFMRI
/// (Bahrami, Shi, Rekik, Shen, DLMIA 2016; the paper does not say how its labels were made). In T1-weighted
/// images the classes are cerebrospinal fluid, grey matter and white matter.
struct TissueMixture {
    struct Class {
        double weight = 0.0;
        double mean = 0.0;
        double variance = 0.0;
    };
    std::array<Class, 3> classes;  ///< by increasing mean
    int iterations = 0;            ///< of the fit

    /// The probabilities of the classes given a normalised intensity. They sum to 1 above tissue_level, and
    /// are 0 at and below it.
    std::array<float, 3> posteriors(float intensity) const;
};

/// Fits a mixture to the normalised intensities above tissue_level of a skull-stripped volume by expectation
/// maximisation. It starts with the 15th, 50th and 85th percentile as means, with the variance of all values
/// and with equal weights. It ends when the mean log likelihood changes by less than 1e-7, or after 200
/// iterations. Variances are at least 1e-5. Intensities within 1e-4 are replaced by their mean, which changes
/// parameters by less than 1e-6. Throws FileError("subject: …") if the values above tissue_level are fewer
/// than three or all equal.
TissueMixture fit_tissue_mixture(std::span<const float> intensities, const std::string& subject);

/// Number of pixels of a normalised slice that show tissue: they and at least half of their eight neighbours
/// are above tissue_level. Noise in an empty background is hardly counted.
std::int64_t tissue_pixels(const Image& slice);

/// Fits a mixture to the slices of a whole volume, in stored intensities. Throws FileError as
/// fit_tissue_mixture() does, and if tissue_pixels() fill more than 2.1 litres: the volume shows a head that
/// is not skull-stripped, and a mixture of three tissues would be meaningless. Skull-stripped heads of adults
/// fill 1.0 to 1.8 litres, whole heads more than 2.3. A small part of a whole head is not recognised.
TissueMixture fit_tissue_mixture(std::span<const Image> slices, const Normalisation& normalisation,
                                 double voxel_mm3, const std::string& subject);

}  // namespace dnsp::imaging
