// Rigid registration of volumes.
#include <itkVersorRigid3DTransform.h>

#include <cmath>

#include "base/error.hpp"
#include "imaging/geometry.hpp"
#include "tools/register/pipeline.hpp"

namespace dnsp::tools {
namespace {

using namespace itk_pipeline;

Image<3>::Pointer image_of(const imaging::Volume& volume) {
    const imaging::VoxelToWorld to_world = imaging::voxel_to_world(volume);
    Grid<3> grid;
    grid.size = volume.size;
    for (unsigned axis = 0; axis < 3; ++axis) {
        double squares = 0.0;
        for (unsigned row = 0; row < 3; ++row) squares += to_world[row][axis] * to_world[row][axis];
        grid.spacing[axis] = std::sqrt(squares);
        for (unsigned row = 0; row < 3; ++row)
            grid.direction[row][axis] = to_world[row][axis] / grid.spacing[axis];
        grid.origin[axis] = to_world[axis][3];
    }
    return make_image<3>(grid, volume.voxels);
}

void record_transform(const itk::VersorRigid3DTransform<double>& transform, Registration& registration) {
    registration.matrix.assign(4, std::vector<double>(4, 0.0));
    for (unsigned row = 0; row < 3; ++row) {
        for (unsigned column = 0; column < 3; ++column)
            registration.matrix[row][column] = transform.GetMatrix()[row][column];
        registration.matrix[row][3] = transform.GetOffset()[row];
        registration.centre.push_back(transform.GetCenter()[row]);
        registration.translation.push_back(transform.GetTranslation()[row]);
    }
    registration.matrix[3][3] = 1.0;
}

}  // namespace

RegisteredVolume register_volumes(const imaging::Volume& fixed, const imaging::Volume& moving,
                                  const RegistrationOptions& options) {
    require(options.transform == TransformKind::by_kind || options.transform == TransformKind::rigid,
            "--transform: volumes are registered by rotation and translation only, expected rigid");
    use_one_thread();
    const auto fixed_image = image_of(fixed), moving_image = image_of(moving);
    const auto fixed_mask = foreground<3>(*fixed_image), moving_mask = foreground<3>(*moving_image);
    const auto fixed_clipped = clipped<3>(*fixed_image), moving_clipped = clipped<3>(*moving_image);

    auto transform = itk::VersorRigid3DTransform<double>::New();
    const Extent<3> fixed_extent = extent<3>(*fixed_mask), moving_extent = extent<3>(*moving_mask);
    transform->SetCenter(fixed_extent.centroid);
    if (options.start == RegistrationOptions::Start::moments)
        transform->SetTranslation(moving_extent.centroid - fixed_extent.centroid);

    RegisteredVolume result;
    Registration& registration = result.registration;
    registration.dimensions = 3;
    registration.transform = TransformKind::rigid;
    registration.mutual_information_before =
        mutual_information<3>(*fixed_clipped, *moving_clipped, *transform);
    const auto spacing = fixed_image->GetSpacing();
    const double finest = std::min({spacing[0], spacing[1], spacing[2]});
    const LevelOptions levels[] = {{.spacing = 4.0 * finest, .smoothing = 2.0},
                                   {.spacing = 2.0 * finest, .smoothing = 1.0, .sampled_fraction = 0.5},
                                   {.spacing = finest, .smoothing = 0.0, .sampled_fraction = 0.1}};
    for (const LevelOptions& level : levels) {
        double reached = 0.0;
        registration.levels.push_back(
            run_level<3>(*fixed_clipped, *moving_clipped, *transform, level, reached));
    }
    registration.mutual_information_after =
        mutual_information<3>(*fixed_clipped, *moving_clipped, *transform);
    record_transform(*transform, registration);
    measure_overlap<3>(*fixed_mask, *moving_mask, *transform, registration);
    complete_parameters(registration);
    add_warnings(registration);

    const auto on_fixed_grid = resampled<3>(*fixed_image, *moving_image, *transform, options.interpolation);
    result.volume = imaging::on_grid_of(fixed, moving);
    std::copy_n(on_fixed_grid->GetBufferPointer(), result.volume.voxels.size(), result.volume.voxels.begin());
    return result;
}

}  // namespace dnsp::tools
