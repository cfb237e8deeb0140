// One level of a registration, by the v4 framework of ITK.
#include <itkImageRegistrationMethodv4.h>
#include <itkMattesMutualInformationImageToImageMetricv4.h>
#include <itkRegistrationParameterScalesFromPhysicalShift.h>
#include <itkRegularStepGradientDescentOptimizerv4.h>

#include <algorithm>
#include <cmath>

#include "tools/register/pipeline.hpp"

namespace dnsp::tools::itk_pipeline {
namespace {

constexpr int histogram_bins = 32;
constexpr int sampling_seed = 1;
constexpr double step_relaxation = 0.8;
constexpr double min_samples = 2e5;
constexpr double max_shrink = 16.0;
constexpr unsigned min_thinned_size = 8;

using Optimizer = itk::RegularStepGradientDescentOptimizerv4<double>;

template <unsigned dimensions>
using Metric = itk::MattesMutualInformationImageToImageMetricv4<Image<dimensions>, Image<dimensions>>;

template <unsigned dimensions>
std::array<unsigned, dimensions> shrink_factors(const Image<dimensions>& fixed, double spacing) {
    std::array<unsigned, dimensions> factors{};
    const auto size = fixed.GetLargestPossibleRegion().GetSize();
    for (unsigned axis = 0; axis < dimensions; ++axis) {
        const double wanted = std::clamp(std::round(spacing / fixed.GetSpacing()[axis]), 1.0, max_shrink);
        const auto largest = std::max<itk::SizeValueType>(1, size[axis] / min_thinned_size);
        factors[axis] = static_cast<unsigned>(std::min<double>(wanted, static_cast<double>(largest)));
    }
    return factors;
}

const char* stop_reason(const Optimizer& optimizer, bool out_of_iterations) {
    if (out_of_iterations) return "iterations ran out";
    using Stop = itk::StopConditionObjectToObjectOptimizerEnum;
    const Stop stop = const_cast<Optimizer&>(optimizer).GetStopCondition();
    return stop == Stop::GRADIENT_MAGNITUDE_TOLEARANCE ? "gradient below tolerance" : "smallest step reached";
}

[[noreturn]] void fail(const itk::ExceptionObject& error) {
    const std::string reason = error.GetDescription();
    if (reason.find("valid points") != std::string::npos || reason.find("overlap") != std::string::npos ||
        reason.find("map") != std::string::npos)
        throw Error("the images hardly overlap; --start moments aligns their foregrounds first");
    throw Error("the registration failed (" + reason.substr(0, reason.find('\n')) + ")");
}

}  // namespace

template <unsigned dimensions>
RegistrationLevel run_level(const Image<dimensions>& fixed, const Image<dimensions>& moving,
                            Transform<dimensions>& transform, const LevelOptions& options, double& reached) {
    auto metric = Metric<dimensions>::New();
    metric->SetNumberOfHistogramBins(histogram_bins);
    auto scales = itk::RegistrationParameterScalesFromPhysicalShift<Metric<dimensions>>::New();
    scales->SetMetric(metric);
    auto optimizer = Optimizer::New();
    optimizer->SetLearningRate(options.first_step);
    optimizer->SetMinimumStepLength(options.smallest_step);
    // The "best" parameters of ITK 5.2 are those one step after the best value, so the last ones are taken.
    optimizer->SetReturnBestParametersAndValue(false);
    optimizer->SetRelaxationFactor(step_relaxation);
    optimizer->SetNumberOfIterations(static_cast<itk::SizeValueType>(options.iterations));
    optimizer->SetScalesEstimator(scales);

    using Method = itk::ImageRegistrationMethodv4<Image<dimensions>, Image<dimensions>>;
    auto method = Method::New();
    method->SetFixedImage(&fixed);
    method->SetMovingImage(&moving);
    method->SetMetric(metric);
    method->SetOptimizer(optimizer);
    method->SetInitialTransform(&transform);
    method->InPlaceOn();
    method->SetNumberOfLevels(1);
    const auto factors = shrink_factors<dimensions>(fixed, options.spacing);
    typename Method::ShrinkFactorsPerDimensionContainerType shrink;
    for (unsigned axis = 0; axis < dimensions; ++axis) shrink[axis] = factors[axis];
    method->SetShrinkFactorsPerDimension(0, shrink);
    typename Method::SmoothingSigmasArrayType smoothing(1);
    smoothing[0] = options.smoothing;
    method->SetSmoothingSigmasPerLevel(smoothing);
    method->SmoothingSigmasAreSpecifiedInPhysicalUnitsOn();
    double points = 1.0;
    for (unsigned axis = 0; axis < dimensions; ++axis)
        points *=
            std::floor(static_cast<double>(fixed.GetLargestPossibleRegion().GetSize()[axis]) / factors[axis]);
    const double sampled_fraction = std::clamp(min_samples / points, options.sampled_fraction, 1.0);
    if (sampled_fraction < 1.0) {
        method->SetMetricSamplingStrategy(Method::MetricSamplingStrategyEnum::REGULAR);
        method->SetMetricSamplingPercentage(sampled_fraction);
        method->MetricSamplingReinitializeSeed(sampling_seed);
    }
    try {
        method->Update();
    } catch (const itk::ExceptionObject& error) {
        fail(error);
    }
    reached = -optimizer->GetCurrentMetricValue();
    RegistrationLevel level;
    level.shrink.assign(factors.begin(), factors.end());
    level.smoothing = options.smoothing;
    level.sampled_percent = 100.0 * sampled_fraction;
    level.iterations = static_cast<int>(optimizer->GetCurrentIteration());
    level.out_of_iterations = level.iterations >= options.iterations;
    level.stop_reason = stop_reason(*optimizer, level.out_of_iterations);
    return level;
}

template <unsigned dimensions>
double mutual_information(const Image<dimensions>& fixed, const Image<dimensions>& moving,
                          Transform<dimensions>& transform) {
    auto metric = Metric<dimensions>::New();
    metric->SetNumberOfHistogramBins(histogram_bins);
    metric->SetFixedImage(&fixed);
    metric->SetMovingImage(&moving);
    metric->SetMovingTransform(&transform);
    try {
        metric->Initialize();
        return -metric->GetValue();
    } catch (const itk::ExceptionObject& error) {
        fail(error);
    }
}

template RegistrationLevel run_level<2>(const Image<2>&, const Image<2>&, Transform<2>&, const LevelOptions&,
                                        double&);
template RegistrationLevel run_level<3>(const Image<3>&, const Image<3>&, Transform<3>&, const LevelOptions&,
                                        double&);
template double mutual_information<2>(const Image<2>&, const Image<2>&, Transform<2>&);
template double mutual_information<3>(const Image<3>&, const Image<3>&, Transform<3>&);

}  // namespace dnsp::tools::itk_pipeline
