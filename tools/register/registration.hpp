#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "imaging/image.hpp"
#include "imaging/volume.hpp"

namespace dnsp::tools {

enum class TransformKind {
    by_kind,     ///< rigid for volumes, similarity for pictures
    rigid,       ///< rotation and translation
    similarity,  ///< and one scale; pictures only
    affine       ///< any linear map and translation; pictures only
};

struct RegistrationOptions {
    enum class Start {
        moments,  ///< the centroids of the foregrounds coincide; pictures also get the ratio of their sizes
        header    ///< volumes: as the headers say; pictures: the fields of view coincide
    };
    enum class Interpolation { cubic, linear };  ///< of the result: B-spline of order 3, or linear

    TransformKind transform = TransformKind::by_kind;
    Start start = Start::moments;
    Interpolation interpolation = Interpolation::cubic;
    void visit(OptionVisitor& visitor);
};

/// One run of the optimiser.
struct RegistrationLevel {
    TransformKind transform = TransformKind::rigid;
    std::vector<unsigned> shrink = {};  ///< by which the fixed grid is thinned out, by storage axis
    double smoothing = 0.0;  ///< σ of the Gaussian on both images, mm or pixels of the coarser picture
    double sampled_percent = 100.0;  /// of the points of the thinned grid
    int iterations = 0;
    std::string stop_reason = {};
    bool out_of_iterations = false;
};

/// The transform maps points of the fixed image to points of the moving image, y = A(x − c) + c + t. Points
/// of volumes are in mm (x to the right, y to the front, z to the head, as in NIfTI), points of pictures are
/// (column, row) in pixels from the centre of the first pixel.
struct Registration {
    int dimensions = 3;
    TransformKind transform = TransformKind::rigid;
    std::vector<std::vector<double>> matrix;  ///< homogeneous: 4×4 for volumes, 3×3 for pictures
    std::vector<double> centre;               ///< c
    std::vector<double> translation;          ///< t
    /// Angles about x, y and z with A = Rz·Ry·Rx; pictures: one angle, from columns towards rows.
    std::vector<double> rotation_degrees;
    double rotation_angle_degrees = 0.0;  ///< of the whole rotation
    double scale = 1.0;                   ///< |det A|^(1/dimensions): moving pixels per fixed pixel
    /// Mattes mutual information in nats of the unsmoothed images, at the start and at the end.
    double mutual_information_before = 0.0, mutual_information_after = 0.0;
    std::vector<RegistrationLevel> levels;
    double view_overlap = 0.0;     ///< share of the fixed grid that lies in the moving image's field of view
    double foreground_dice = 0.0;  ///< Dice coefficient of the two foregrounds on the fixed grid
    std::vector<std::string> warnings;
};

/// The moving image on the grid of the fixed one; 0 outside of the moving image's field of view.
struct RegisteredVolume {
    Registration registration;
    imaging::Volume volume;  ///< geometry of the fixed volume, stored type and intensities of the moving one
};
struct RegisteredImage {
    Registration registration;
    imaging::Image image;
};

/// Rigid registration of volumes by Mattes mutual information (Mattes et al., IEEE TMI 22, 2003) with ITK on
/// one thread: bitwise identical results for the same input. Starts from the orientations in the headers.
/// Throws Error for another transform than rigid, and if the images do not overlap at the start.
RegisteredVolume register_volumes(const imaging::Volume& fixed, const imaging::Volume& moving,
                                  const RegistrationOptions& options);

/// The same for pictures, whose pixels may differ in size. The first level is run from several rotations and
/// scales around the start; the best result is refined. Throws Error for pictures smaller than 16 pixels.
RegisteredImage register_pictures(const imaging::Image& fixed, const imaging::Image& moving,
                                  const RegistrationOptions& options);

/// The record of a registration, with its conventions.
nlohmann::json to_json(const Registration& registration);

/// Computes rotation_degrees, rotation_angle_degrees and scale from `matrix`.
void complete_parameters(Registration& registration);

/// Adds the warnings: worse metric, rotation above 30°, translation above 50 mm (volumes), scale above 4 or
/// below ¼, iterations ran out at the last level, overlap of the foregrounds below .8.
void add_warnings(Registration& registration);

}  // namespace dnsp::tools
