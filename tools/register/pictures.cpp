// Registration of pictures, whose pixels may differ in size.
#include <itkAffineTransform.h>
#include <itkEuler2DTransform.h>
#include <itkSimilarity2DTransform.h>

#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "tools/register/pipeline.hpp"

namespace dnsp::tools {
namespace {

using namespace itk_pipeline;

constexpr int min_side = 16;
constexpr double start_rotations_degrees[] = {0.0, -15.0, 15.0};
constexpr double start_scales[] = {1.0, 0.85, 1.18};

using MatrixTransform = itk::MatrixOffsetTransformBase<double, 2, 2>;

Image<2>::Pointer image_of(const imaging::Image& picture, double spacing) {
    Grid<2> grid;
    grid.size = {picture.width, picture.height};
    grid.spacing.Fill(spacing);
    grid.direction.SetIdentity();
    return make_image<2>(grid, picture.pixels);
}

/// A picture, its clipped copy and its foreground, in units in which both heads have about one size.
struct Side {
    Image<2>::Pointer image, clipped_image;
    Mask<2>::Pointer mask;
    Side(const imaging::Image& picture, double spacing)
        : image(image_of(picture, spacing)), clipped_image(clipped<2>(*image)), mask(foreground<2>(*image)) {}
    double spacing() const { return image->GetSpacing()[0]; }
    Image<2>::PointType middle() const {
        const auto size = image->GetLargestPossibleRegion().GetSize();
        Image<2>::PointType point;
        for (unsigned axis = 0; axis < 2; ++axis)
            point[axis] = 0.5 * (static_cast<double>(size[axis]) - 1.0) * spacing();
        return point;
    }
};

/// Moving pixels per fixed pixel at the start.
double start_scale(const imaging::Image& fixed, const imaging::Image& moving,
                   const RegistrationOptions& options) {
    if (options.transform == TransformKind::rigid) return 1.0;
    if (options.start == RegistrationOptions::Start::header)
        return std::sqrt(static_cast<double>(moving.width) / fixed.width * moving.height / fixed.height);
    return extent<2>(*Side(moving, 1.0).mask).radius / extent<2>(*Side(fixed, 1.0).mask).radius;
}

/// In pixels: the transform in units of the two sides is y = Ax + o.
void record_transform(const MatrixTransform& transform, const Side& fixed, const Side& moving,
                      Registration& registration) {
    const double a = fixed.spacing(), b = moving.spacing();
    registration.matrix.assign(3, std::vector<double>(3, 0.0));
    for (unsigned row = 0; row < 2; ++row) {
        for (unsigned column = 0; column < 2; ++column)
            registration.matrix[row][column] = transform.GetMatrix()[row][column] * a / b;
        registration.matrix[row][2] = transform.GetOffset()[row] / b;
        registration.centre.push_back(transform.GetCenter()[row] / a);
    }
    registration.matrix[2][2] = 1.0;
    for (unsigned row = 0; row < 2; ++row)
        registration.translation.push_back(registration.matrix[row][0] * registration.centre[0] +
                                           registration.matrix[row][1] * registration.centre[1] +
                                           registration.matrix[row][2] - registration.centre[row]);
}

class PictureRegistration {
  public:
    PictureRegistration(const Side& fixed, const Side& moving, const RegistrationOptions& options)
        : fixed_(fixed), moving_(moving), options_(options) {
        const bool moments = options.start == RegistrationOptions::Start::moments;
        centre_ = moments ? extent<2>(*fixed.mask).centroid : fixed.middle();
        translation_ = (moments ? extent<2>(*moving.mask).centroid : moving.middle()) - centre_;
    }

    MatrixTransform::Pointer run(Registration& registration) const {
        registration.transform =
            options_.transform == TransformKind::by_kind ? TransformKind::similarity : options_.transform;
        const bool rigid = registration.transform == TransformKind::rigid;
        registration.mutual_information_before = metric(*start(rigid, 0.0, 1.0));
        MatrixTransform::Pointer transform;
        double best = 0.0;
        RegistrationLevel best_level;
        for (const double rotation : start_rotations_degrees)
            for (const double scale : start_scales) {
                if (rigid && scale != 1.0) continue;
                const MatrixTransform::Pointer trial = start(rigid, rotation, scale);
                double reached = 0.0;
                const RegistrationLevel level =
                    run_level<2>(*fixed_.clipped_image, *moving_.clipped_image, *trial, coarse, reached);
                if (transform && reached <= best) continue;
                transform = trial;
                best = reached;
                best_level = level;
            }
        best_level.transform = rigid ? TransformKind::rigid : TransformKind::similarity;
        registration.levels.push_back(best_level);
        refine(*transform, best_level.transform, {medium, fine}, registration);
        if (registration.transform == TransformKind::affine) {
            auto affine = itk::AffineTransform<double, 2>::New();
            affine->SetCenter(transform->GetCenter());
            affine->SetMatrix(transform->GetMatrix());
            affine->SetTranslation(transform->GetTranslation());
            transform = affine.GetPointer();
            refine(*transform, TransformKind::affine, {medium, fine}, registration);
        }
        registration.mutual_information_after = metric(*transform);
        return transform;
    }

  private:
    // A unit is a pixel of the coarser picture.
    static constexpr LevelOptions coarse{.spacing = 4.0, .smoothing = 4.0, .smallest_step = 1e-2};
    static constexpr LevelOptions medium{.spacing = 2.0, .smoothing = 2.0, .smallest_step = 1e-3};
    static constexpr LevelOptions fine{.spacing = 1.0, .smoothing = 1.0};

    MatrixTransform::Pointer start(bool rigid, double rotation_degrees, double scale) const {
        const double angle = rotation_degrees * std::numbers::pi / 180.0;
        const auto placed = [&](auto transform) {
            transform->SetCenter(centre_);
            transform->SetTranslation(translation_);
            transform->SetAngle(angle);
            return MatrixTransform::Pointer(transform.GetPointer());
        };
        if (rigid) return placed(itk::Euler2DTransform<double>::New());
        auto similarity = itk::Similarity2DTransform<double>::New();
        similarity->SetScale(scale);
        return placed(similarity);
    }

    void refine(MatrixTransform& transform, TransformKind kind, std::initializer_list<LevelOptions> levels,
                Registration& registration) const {
        for (const LevelOptions& options : levels) {
            double reached = 0.0;
            registration.levels.push_back(
                run_level<2>(*fixed_.clipped_image, *moving_.clipped_image, transform, options, reached));
            registration.levels.back().transform = kind;
        }
    }

    double metric(MatrixTransform& transform) const {
        return mutual_information<2>(*fixed_.clipped_image, *moving_.clipped_image, transform);
    }

    const Side& fixed_;
    const Side& moving_;
    const RegistrationOptions& options_;
    Image<2>::PointType centre_;
    Image<2>::PointType::VectorType translation_;
};

}  // namespace

RegisteredImage register_pictures(const imaging::Image& fixed, const imaging::Image& moving,
                                  const RegistrationOptions& options) {
    for (const imaging::Image* picture : {&fixed, &moving})
        require(std::min(picture->width, picture->height) >= min_side,
                "a picture is too small to be registered, expected at least 16×16 pixels");
    use_one_thread();
    const double scale = start_scale(fixed, moving, options);
    const Side fixed_side(fixed, scale < 1.0 ? scale : 1.0),
        moving_side(moving, scale < 1.0 ? 1.0 : 1.0 / scale);

    RegisteredImage result;
    Registration& registration = result.registration;
    registration.dimensions = 2;
    const auto transform = PictureRegistration(fixed_side, moving_side, options).run(registration);
    record_transform(*transform, fixed_side, moving_side, registration);
    measure_overlap<2>(*fixed_side.mask, *moving_side.mask, *transform, registration);
    complete_parameters(registration);
    add_warnings(registration);

    const auto on_fixed_grid =
        resampled<2>(*fixed_side.image, *moving_side.image, *transform, options.interpolation);
    result.image = imaging::Image(fixed.height, fixed.width);
    std::copy_n(on_fixed_grid->GetBufferPointer(), result.image.pixels.size(), result.image.pixels.begin());
    return result;
}

}  // namespace dnsp::tools
