#pragma once

// What both dimensions share. Only the sources of this folder include ITK.
#include <itkImage.h>
#include <itkTransform.h>

#include <array>
#include <span>

#include "tools/register/registration.hpp"

namespace dnsp::tools::itk_pipeline {

template <unsigned dimensions>
using Image = itk::Image<float, dimensions>;
template <unsigned dimensions>
using Mask = itk::Image<unsigned char, dimensions>;
template <unsigned dimensions>
using Transform = itk::Transform<double, dimensions, dimensions>;

/// Makes ITK run on one thread, so that sums have one order.
void use_one_thread();

/// Intensities of an image with index (first axis fastest), voxel size, direction cosines and origin.
template <unsigned dimensions>
struct Grid {
    std::array<int, dimensions> size{};
    typename Image<dimensions>::SpacingType spacing{};
    typename Image<dimensions>::DirectionType direction{};
    typename Image<dimensions>::PointType origin{};
};
template <unsigned dimensions>
typename Image<dimensions>::Pointer make_image(const Grid<dimensions>& grid, std::span<const float> values);

/// The image with intensities clipped to percentiles .1 and 99.9, so that a few bright pixels do not take up
/// the histogram.
template <unsigned dimensions>
typename Image<dimensions>::Pointer clipped(const Image<dimensions>& image);

/// What is brighter than half of Otsu's threshold (Otsu, IEEE SMC 9, 1979) after smoothing by two voxels: its
/// largest connected component with holes filled.
template <unsigned dimensions>
typename Mask<dimensions>::Pointer foreground(const Image<dimensions>& image);

/// Centroid and root-mean-square distance from it.
template <unsigned dimensions>
struct Extent {
    typename Image<dimensions>::PointType centroid{};
    double radius = 0.0;
};
template <unsigned dimensions>
Extent<dimensions> extent(const Mask<dimensions>& mask);

struct LevelOptions {
    double spacing = 1.0;  ///< of the thinned grid, in physical units; it is no finer than the fixed grid
    double smoothing = 0.0;
    double sampled_fraction = 1.0;  ///< of the points of the thinned grid; more if they are fewer than 2e5
    double first_step = 1.0, smallest_step = 1e-4;
    int iterations = 200;
};
/// Maximises the mutual information by regular-step gradient descent and changes the parameters of the
/// transform. `reached`: the metric of the smoothed images at the end. Throws Error if the images do not
/// overlap.
template <unsigned dimensions>
RegistrationLevel run_level(const Image<dimensions>& fixed, const Image<dimensions>& moving,
                            Transform<dimensions>& transform, const LevelOptions& options, double& reached);

/// Mattes mutual information, 32 bins, of all points of the fixed grid. Nats. Throws Error if the images do
/// not overlap.
template <unsigned dimensions>
double mutual_information(const Image<dimensions>& fixed, const Image<dimensions>& moving,
                          Transform<dimensions>& transform);

/// The moving image on the fixed grid, 0 outside of its field of view.
template <unsigned dimensions>
typename Image<dimensions>::Pointer resampled(const Image<dimensions>& fixed, const Image<dimensions>& moving,
                                              const Transform<dimensions>& transform,
                                              RegistrationOptions::Interpolation interpolation);

/// Sets view_overlap and foreground_dice.
template <unsigned dimensions>
void measure_overlap(const Mask<dimensions>& fixed, const Mask<dimensions>& moving,
                     const Transform<dimensions>& transform, Registration& registration);

}  // namespace dnsp::tools::itk_pipeline
