// The channels that a network reads.
#include "inference/network_input.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace dnsp;

namespace {

/// Three tissues of .3, .5 and .8, each in a third of the pixels.
imaging::Image three_tissues() {
    imaging::Image slice(30, 30);
    for (std::size_t i = 0; i < slice.pixels.size(); ++i)
        slice.pixels[i] = (i % 3 == 0 ? 0.3f : i % 3 == 1 ? 0.5f : 0.8f) + 0.001f * static_cast<float>(i % 7);
    return slice;
}

}  // namespace

TEST_CASE("a network that reads tissues refuses pictures") {
    CHECK_NOTHROW(require_picture_allowed(InputFeatures::intensity, "a.png"));
    CHECK_THROWS_WITH(require_picture_allowed(InputFeatures::intensity_and_tissues, "a.png"),
                      StartsWith("a.png: ") && ContainsSubstring("skull-stripped"));
}

TEST_CASE("tissues are fitted for a network that reads them") {
    const std::vector<imaging::Image> slices{three_tissues()};
    const imaging::Normalisation range{0.0f, 1.0f};
    CHECK_FALSE(fit_tissues(InputFeatures::intensity, slices, range, 1.0, "a.nii"));
    const auto tissues = fit_tissues(InputFeatures::intensity_and_tissues, slices, range, 1.0, "a.nii");
    REQUIRE(tissues);
    for (const std::size_t k : {0, 1, 2})
        CHECK(tissues->classes[k].mean == Approx(std::array{0.303, 0.503, 0.803}[k]).margin(2e-3));
    // 900 voxels of 3 cm³ are 2.7 litres.
    CHECK_THROWS_AS(fit_tissues(InputFeatures::intensity_and_tissues, slices, range, 3000.0, "a.nii"),
                    FileError);
}

TEST_CASE("the channels are the intensity, and the probabilities of the tissues if there are any") {
    const imaging::Image slice = three_tissues();
    CHECK(network_input(slice, {}) == slice.pixels);
    CHECK(input_channels(std::optional<imaging::TissueMixture>()) == 1);
    const auto tissues =
        fit_tissues(InputFeatures::intensity_and_tissues, std::vector{slice}, {0.0f, 1.0f}, 1.0, "a.nii");
    CHECK(input_channels(tissues) == 4);
    const std::vector<float> channels = network_input(slice, tissues);
    REQUIRE(channels.size() == 4 * slice.pixels.size());
    for (std::size_t i = 0; i < slice.pixels.size(); ++i) {
        CHECK(channels[4 * i] == slice.pixels[i]);
        // The tissues lie far apart.
        for (std::size_t k = 0; k < 3; ++k)
            CHECK(channels[4 * i + 1 + k] == Approx(k == i % 3 ? 1.0 : 0.0).margin(1e-3));
    }
}
