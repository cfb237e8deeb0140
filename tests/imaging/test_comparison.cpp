// Comparison of volumes. Expected values: NumPy, SciPy and scikit-image
// (tests/fixtures/make_comparison_fixtures.py).
#include "imaging/comparison.hpp"

#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

const nlohmann::json& comparison() {
    static const nlohmann::json values = nlohmann::json::parse(std::ifstream(fixture("comparison.json")));
    return values;
}

Volume volume_of(const nlohmann::json& voxels) {
    Volume volume;
    volume.size = comparison()["size"];
    volume.voxel_size_mm = comparison()["voxel_mm"];
    volume.voxels = voxels.get<std::vector<float>>();
    return volume;
}

void check_relative(double value, const nlohmann::json& wanted) {
    CHECK(std::abs(value - wanted.get<double>()) <= 1e-10 * std::abs(wanted.get<double>()));
}

}  // namespace

TEST_CASE("the comparison of volumes equals that by NumPy, SciPy and scikit-image") {
    const Volume reference = volume_of(comparison()["reference"]), image = volume_of(comparison()["image"]);
    const double range = comparison()["data_range"];
    for (const auto& json : comparison()["cases"]) {
        const VoxelMask mask = json["mask"];
        INFO((mask.empty() ? "all voxels" : "mask"));
        check_relative(psnr(reference, image, mask, range), json["psnr_db"]);
        check_relative(nrmse(reference, image, mask), json["nrmse"]);
        for (const int axis : {0, 1, 2})
            check_relative(ssim_2d(reference, image, axis, mask, range),
                           json["ssim2d"][static_cast<std::size_t>(axis)]);
        check_relative(ssim_3d(reference, image, mask, range), json["ssim3d"]);
        check_relative(hfen(reference, image, mask), json["hfen"]);
        check_relative(gradient_error(reference, image, mask), json["gradient_error"]);
    }
}

TEST_CASE("the power above a Nyquist frequency equals that of SciPy's cosine transform") {
    const Volume image = volume_of(comparison()["image"]);
    for (const auto& json : comparison()["powers"]) {
        const double power = power_above_nyquist(image, json["spacing_mm"]), wanted = json["power"];
        CHECK(std::abs(power - wanted) <= 1e-6 * std::max(1.0, wanted));
    }
}

TEST_CASE("a picture is compared as a volume of one plane") {
    Volume plane = volume_of(comparison()["reference"]), other = volume_of(comparison()["image"]);
    for (Volume* volume : {&plane, &other}) {
        volume->voxels.resize(static_cast<std::size_t>(volume->size[0]) *
                              static_cast<std::size_t>(volume->size[1]));
        volume->size[2] = 1;
    }
    CHECK(hfen(plane, other, {}) > 0.0);
    CHECK(std::isfinite(gradient_error(plane, other, {})));
    CHECK(std::isfinite(ssim_2d(plane, other, 2, {}, 200.0)));
    CHECK(std::isnan(ssim_3d(plane, other, {}, 200.0)));
    CHECK(std::isinf(psnr(plane, plane, {}, 200.0)));
}

TEST_CASE("volumes of different sizes are not compared") {
    const Volume reference = volume_of(comparison()["reference"]);
    Volume image = reference;
    image.path = "other.nii";
    image.size = {15, 13, 14};
    for (const std::string& message : {complaint([&] { psnr(reference, image, {}, 1.0); }),
                                       complaint([&] { ssim_2d(reference, image, 2, {}, 1.0); }),
                                       complaint([&] { hfen(reference, image, {}); })}) {
        CHECK(contains(message, "other.nii"));
        CHECK(contains(message, "15×13×14"));
    }
}
