// Images, foregrounds and resampling by ITK.
#include "tools/register/pipeline.hpp"

#include <itkBSplineInterpolateImageFunction.h>
#include <itkBinaryFillholeImageFilter.h>
#include <itkBinaryThresholdImageFilter.h>
#include <itkConnectedComponentImageFilter.h>
#include <itkImageRegionIteratorWithIndex.h>
#include <itkMultiThreaderBase.h>
#include <itkOtsuThresholdImageFilter.h>
#include <itkRelabelComponentImageFilter.h>
#include <itkResampleImageFilter.h>
#include <itkSmoothingRecursiveGaussianImageFilter.h>

#include <algorithm>
#include <cmath>

#include "imaging/normalisation.hpp"

namespace dnsp::tools::itk_pipeline {
namespace {

constexpr double foreground_smoothing_voxels = 2.0;
constexpr double foreground_threshold = 0.5;  // of Otsu's
constexpr int cubic_order = 3;

template <unsigned dimensions>
std::span<const float> values_of(const Image<dimensions>& image) {
    return {image.GetBufferPointer(), image.GetLargestPossibleRegion().GetNumberOfPixels()};
}

template <unsigned dimensions>
typename Image<dimensions>::Pointer copy_of(const Image<dimensions>& image) {
    auto copy = Image<dimensions>::New();
    copy->CopyInformation(&image);
    copy->SetRegions(image.GetLargestPossibleRegion());
    copy->Allocate();
    std::ranges::copy(values_of(image), copy->GetBufferPointer());
    return copy;
}

/// σ in voxels along every axis: the image is smoothed on a grid of unit spacing.
template <unsigned dimensions>
typename Image<dimensions>::Pointer smoothed(const Image<dimensions>& image, double sigma_voxels) {
    auto plain = copy_of(image);
    plain->SetSpacing(typename Image<dimensions>::SpacingType(1.0));
    using Filter = itk::SmoothingRecursiveGaussianImageFilter<Image<dimensions>, Image<dimensions>>;
    auto filter = Filter::New();
    filter->SetInput(plain);
    filter->SetSigma(sigma_voxels);
    filter->Update();
    typename Image<dimensions>::Pointer result = filter->GetOutput();
    result->DisconnectPipeline();
    result->CopyInformation(&image);
    return result;
}

}  // namespace

void use_one_thread() {
    itk::MultiThreaderBase::SetGlobalMaximumNumberOfThreads(1);
    itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1);
}

template <unsigned dimensions>
typename Image<dimensions>::Pointer make_image(const Grid<dimensions>& grid, std::span<const float> values) {
    typename Image<dimensions>::SizeType size;
    for (unsigned axis = 0; axis < dimensions; ++axis)
        size[axis] = static_cast<itk::SizeValueType>(grid.size[axis]);
    auto image = Image<dimensions>::New();
    image->SetRegions(size);
    image->SetSpacing(grid.spacing);
    image->SetDirection(grid.direction);
    image->SetOrigin(grid.origin);
    image->Allocate();
    std::ranges::copy(values, image->GetBufferPointer());
    return image;
}

template <unsigned dimensions>
typename Image<dimensions>::Pointer clipped(const Image<dimensions>& image) {
    const auto range = imaging::percentile_normalisation(values_of(image), "image");
    auto result = copy_of(image);
    std::span<float> values(result->GetBufferPointer(), values_of(image).size());
    for (float& x : values) x = std::clamp(x, range.low, range.high);
    return result;
}

template <unsigned dimensions>
typename Mask<dimensions>::Pointer foreground(const Image<dimensions>& image) {
    const auto smooth = smoothed(image, foreground_smoothing_voxels);
    const auto range = imaging::percentile_normalisation(values_of(*smooth), "image");
    auto otsu = itk::OtsuThresholdImageFilter<Image<dimensions>, Mask<dimensions>>::New();
    otsu->SetInput(clipped<dimensions>(*smooth));
    otsu->Update();
    auto threshold = itk::BinaryThresholdImageFilter<Image<dimensions>, Mask<dimensions>>::New();
    threshold->SetInput(smooth);
    threshold->SetLowerThreshold(
        static_cast<float>(range.low + foreground_threshold * (otsu->GetThreshold() - range.low)));
    using Labels = itk::Image<std::uint32_t, dimensions>;
    auto components = itk::ConnectedComponentImageFilter<Mask<dimensions>, Labels>::New();
    components->SetInput(threshold->GetOutput());
    auto by_size = itk::RelabelComponentImageFilter<Labels, Labels>::New();
    by_size->SetInput(components->GetOutput());
    auto largest = itk::BinaryThresholdImageFilter<Labels, Mask<dimensions>>::New();
    largest->SetInput(by_size->GetOutput());
    largest->SetLowerThreshold(1);
    largest->SetUpperThreshold(1);
    largest->SetInsideValue(1);
    largest->SetOutsideValue(0);
    auto filled = itk::BinaryFillholeImageFilter<Mask<dimensions>>::New();
    filled->SetInput(largest->GetOutput());
    filled->SetForegroundValue(1);
    filled->Update();
    typename Mask<dimensions>::Pointer mask = filled->GetOutput();
    mask->DisconnectPipeline();
    return mask;
}

template <unsigned dimensions>
Extent<dimensions> extent(const Mask<dimensions>& mask) {
    std::array<double, dimensions> sum{}, squares{};
    double count = 0.0;
    itk::ImageRegionConstIteratorWithIndex<Mask<dimensions>> voxel(&mask, mask.GetLargestPossibleRegion());
    for (; !voxel.IsAtEnd(); ++voxel) {
        if (voxel.Get() == 0) continue;
        typename Mask<dimensions>::PointType point;
        mask.TransformIndexToPhysicalPoint(voxel.GetIndex(), point);
        for (unsigned axis = 0; axis < dimensions; ++axis) {
            sum[axis] += point[axis];
            squares[axis] += point[axis] * point[axis];
        }
        ++count;
    }
    Extent<dimensions> result;
    double variance = 0.0;
    for (unsigned axis = 0; axis < dimensions; ++axis) {
        result.centroid[axis] = sum[axis] / count;
        variance += squares[axis] / count - result.centroid[axis] * result.centroid[axis];
    }
    result.radius = std::sqrt(variance);
    return result;
}

template <unsigned dimensions>
typename Image<dimensions>::Pointer resampled(const Image<dimensions>& fixed, const Image<dimensions>& moving,
                                              const Transform<dimensions>& transform,
                                              RegistrationOptions::Interpolation interpolation) {
    auto filter = itk::ResampleImageFilter<Image<dimensions>, Image<dimensions>>::New();
    filter->SetInput(&moving);
    filter->SetTransform(&transform);
    filter->SetReferenceImage(&fixed);
    filter->UseReferenceImageOn();
    filter->SetDefaultPixelValue(0.0f);
    if (interpolation == RegistrationOptions::Interpolation::cubic) {
        auto spline = itk::BSplineInterpolateImageFunction<Image<dimensions>, double, double>::New();
        spline->SetSplineOrder(cubic_order);
        filter->SetInterpolator(spline);
    }
    filter->Update();
    typename Image<dimensions>::Pointer result = filter->GetOutput();
    result->DisconnectPipeline();
    return result;
}

template <unsigned dimensions>
void measure_overlap(const Mask<dimensions>& fixed, const Mask<dimensions>& moving,
                     const Transform<dimensions>& transform, Registration& registration) {
    double points = 0.0, in_view = 0.0, in_fixed = 0.0, in_moving = 0.0, in_both = 0.0;
    itk::ImageRegionConstIteratorWithIndex<Mask<dimensions>> voxel(&fixed, fixed.GetLargestPossibleRegion());
    for (; !voxel.IsAtEnd(); ++voxel) {
        typename Mask<dimensions>::PointType point;
        fixed.TransformIndexToPhysicalPoint(voxel.GetIndex(), point);
        typename Mask<dimensions>::IndexType index;
        const bool inside = moving.TransformPhysicalPointToIndex(transform.TransformPoint(point), index);
        const bool fixed_foreground = voxel.Get() != 0;
        const bool moving_foreground = inside && moving.GetPixel(index) != 0;
        points += 1.0;
        in_view += inside;
        in_fixed += fixed_foreground;
        in_moving += moving_foreground;
        in_both += fixed_foreground && moving_foreground;
    }
    registration.view_overlap = in_view / points;
    registration.foreground_dice = 2.0 * in_both / (in_fixed + in_moving);
}

#define DNSP_INSTANTIATE_PIPELINE(D)                                                               \
    template Image<D>::Pointer make_image<D>(const Grid<D>&, std::span<const float>);              \
    template Image<D>::Pointer clipped<D>(const Image<D>&);                                        \
    template Mask<D>::Pointer foreground<D>(const Image<D>&);                                      \
    template Extent<D> extent<D>(const Mask<D>&);                                                  \
    template Image<D>::Pointer resampled<D>(const Image<D>&, const Image<D>&, const Transform<D>&, \
                                            RegistrationOptions::Interpolation);                   \
    template void measure_overlap<D>(const Mask<D>&, const Mask<D>&, const Transform<D>&, Registration&)
DNSP_INSTANTIATE_PIPELINE(2);
DNSP_INSTANTIATE_PIPELINE(3);

}  // namespace dnsp::tools::itk_pipeline
