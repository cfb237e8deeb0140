// How intensities are stored: the type of the input if they fit and its steps are fine enough.
#include "imaging/storage.hpp"

#include <numeric>

#include "imaging/nifti_header.hpp"
#include "imaging/padding.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

Volume volume_of(std::vector<float> voxels) {
    Volume volume;
    volume.size = {static_cast<int>(voxels.size()), 1, 1};
    volume.voxel_size_mm = {1.0, 1.0, 1.0};
    volume.voxels = std::move(voxels);
    return volume;
}

Volume stored_as(Volume volume, int datatype, double slope = 0.0, double intercept = 0.0) {
    NiftiHeader header = plain_header(volume);
    header.fields.datatype = static_cast<std::int16_t>(datatype);
    header.fields.scl_slope = slope;
    header.fields.scl_inter = intercept;
    volume.header = std::make_shared<const NiftiHeader>(header);
    return volume;
}

/// `count` intensities at equal distances.
std::vector<float> ramp(double least, double largest, std::size_t count) {
    std::vector<float> voxels;
    for (std::size_t i = 0; i < count; ++i)
        voxels.push_back(static_cast<float>(least + (largest - least) * static_cast<double>(i) /
                                                        static_cast<double>(count - 1)));
    return voxels;
}

StorageChoice choice_for(const Volume& volume, IntensityType asked = IntensityType::keep,
                         bool has_scale = true) {
    return choose_storage(std::span(&volume, 1), asked, has_scale, [](int datatype) { return datatype; });
}

}  // namespace

TEST_CASE("the robust range is the difference of percentiles of all voxels but padding") {
    // Of 1 … 1000, rank 1 and rank 999.
    Volume volume = volume_of(ramp(1, 1000, 1000));
    CHECK(robust_range(std::span(&volume, 1)) == 998.0);
    const std::vector<Volume> parts = {volume_of(ramp(1, 400, 400)), volume_of(ramp(401, 1000, 600))};
    CHECK(robust_range(parts) == 998.0);
    volume.voxels.insert(volume.voxels.end(), 500, -9000.0f);
    CHECK(robust_range(std::span(&volume, 1)) == 9999.0);
    auto padding = std::make_shared<Padding>();
    padding->value = -9000.0f;
    volume.padding = padding;
    CHECK(robust_range(std::span(&volume, 1)) == 998.0);
    volume.voxels.assign(10, -9000.0f);
    CHECK(robust_range(std::span(&volume, 1)) == 0.0);
    const Volume equal = volume_of(std::vector<float>(10, 3.0f));
    CHECK(robust_range(std::span(&equal, 1)) == 0.0);
}

TEST_CASE("the robust range of more than 2^20 voxels is that of a part of them") {
    std::vector<float> voxels(std::size_t{1} << 21);
    std::iota(voxels.begin(), voxels.end(), 0.0f);
    // Of 2²⁰ even numbers, rank ⌈2²⁰/1000⌉ = 1049 and rank ⌈.999 · 2²⁰⌉ = 1047528.
    const Volume volume = volume_of(std::move(voxels));
    CHECK(robust_range(std::span(&volume, 1)) == 2.0 * (1047528 - 1049));
}

TEST_CASE("steps are coarse above a hundredth of the range, if rounding to them changes a voxel") {
    Volume volume = volume_of(ramp(1, 1000, 1000));  // a range of 998
    const auto coarse = [&](double step, double offset = 0.0) {
        return is_coarse(std::span(&volume, 1), step, offset);
    };
    CHECK_FALSE(coarse(9.98));
    CHECK(coarse(9.99));
    CHECK(coarse(-9.99));
    CHECK_FALSE(coarse(-9.98));
    volume = volume_of({3.0f, 23.0f, 43.0f, 103.0f});
    CHECK_FALSE(coarse(20.0, 3.0));
    CHECK(coarse(20.0));
    volume.voxels[2] = 43.5f;
    CHECK(coarse(20.0, 3.0));
    volume = volume_of(std::vector<float>(5, 7.5f));
    CHECK_FALSE(coarse(20.0));
}

TEST_CASE("intensities that fit keep the stored type of the input") {
    const auto kept = [&](const Volume& volume, int datatype) {
        const StorageChoice choice = choice_for(volume);
        INFO(choice.change);
        return choice.change.empty() && choice.type.datatype == datatype;
    };
    CHECK(kept(stored_as(volume_of({0.0f, 255.4f, 100.0f}), DT_UINT8), DT_UINT8));
    CHECK(kept(stored_as(volume_of({-400.0f, 255.0f}), DT_UINT8), DT_UINT8));  // an undershoot
    CHECK(kept(stored_as(volume_of({-128.4f, 127.4f}), DT_INT8), DT_INT8));
    CHECK(kept(stored_as(volume_of({-32768.0f, 32767.0f}), DT_INT16), DT_INT16));
    CHECK(kept(stored_as(volume_of({-2147483648.0f, 2147483648.0f}), DT_INT32), DT_INT32));
    CHECK(kept(stored_as(volume_of({-5.0f, 1e30f}), DT_FLOAT64), DT_FLOAT64));
    CHECK(kept(volume_of({0.25f, 0.5f}), DT_FLOAT32));  // no header
    // From −32768 − 100 on, or from −32768 + 100 on.
    CHECK(kept(stored_as(volume_of({-32860.0f, 100.0f}), DT_INT16, 1.0, -100.0), DT_INT16));
    CHECK_FALSE(kept(stored_as(volume_of({-32700.0f, 100.0f}), DT_INT16, 1.0, 100.0), DT_INT16));
    const StorageChoice scaled = choice_for(stored_as(volume_of({-10.0f, 53.8f}), DT_UINT8, 0.25, -10.0));
    CHECK((scaled.type.scale.slope == 0.25 && scaled.type.scale.intercept == -10.0));
    CHECK((scaled.type.datatype == DT_UINT8 && scaled.change.empty()));
}

TEST_CASE("intensities that do not fit 8 bits become int16") {
    for (const auto& [datatype, voxels] : {std::pair{DT_UINT8, std::vector{0.0f, 255.6f, 9.0f}},
                                           {DT_INT8, {0.0f, 127.6f, 9.0f}},
                                           {DT_INT8, {-128.6f, 100.0f, 9.0f}}}) {
        const StorageChoice choice = choice_for(stored_as(volume_of(voxels), datatype));
        CHECK(choice.type.datatype == DT_INT16);
        CHECK((choice.type.scale.slope == 1.0 && choice.type.scale.intercept == 0.0));
        CHECK(contains(choice.change, "do not fit the stored type "));
        CHECK(contains(choice.change, "; written as int16"));
    }
}

TEST_CASE("a slope is chosen that makes intensities fit, and 0 stays 0 unless they are far from it") {
    // Up to 40000 in int16: steps of 40000/32767, rounded up to a float32.
    const StorageChoice large = choice_for(stored_as(volume_of(ramp(-100, 40000, 3000)), DT_INT16));
    CHECK(large.type.datatype == DT_INT16);
    CHECK(large.type.scale.intercept == 0.0);
    CHECK(
        (large.type.scale.slope >= 40000.0 / 32767 && large.type.scale.slope < 40000.0 / 32767 * (1 + 2e-7)));
    CHECK(contains(large.change, "intensities from -100 to 4e+04 do not fit the stored type int16;"));
    const StorageChoice negative = choice_for(stored_as(volume_of(ramp(-40000, 100, 3000)), DT_INT16));
    CHECK(negative.type.scale.slope == large.type.scale.slope);
    // Between 100000 and 100100: half of 100 fills 32767 steps around the middle.
    const StorageChoice far = choice_for(stored_as(volume_of(ramp(100000, 100100, 3000)), DT_INT16));
    CHECK(far.type.scale.intercept == 100050.0);
    CHECK((far.type.scale.slope >= 50.0 / 32767 && far.type.scale.slope < 50.0 / 32767 * (1 + 2e-7)));
    // An unsigned type begins at its intercept, and ends at the largest intensity.
    const StorageChoice whole =
        choice_for(stored_as(volume_of(ramp(-7, 70000, 3000)), DT_UINT16, 1.0, -10.0));
    CHECK(whole.type.datatype == DT_UINT16);
    CHECK(whole.type.scale.intercept == -10.0);
    CHECK(
        (whole.type.scale.slope >= 70010.0 / 65535 && whole.type.scale.slope < 70010.0 / 65535 * (1 + 2e-7)));
    CHECK(contains(whole.change, "uint16 with slope 1 and intercept -10;"));
    const StorageChoice turned =
        choice_for(stored_as(volume_of(ramp(-7, 70000, 3000)), DT_UINT16, -1.0, 50.0));
    CHECK(turned.type.scale.intercept == -7.0);
    CHECK(turned.type.scale.slope > 0.0);
}

TEST_CASE("coarse steps become finer, or float32 where the format has no slope") {
    const Volume fine = stored_as(volume_of(ramp(0, 1, 3000)), DT_UINT8);
    const StorageChoice scaled = choice_for(fine);
    CHECK(scaled.type.datatype == DT_INT16);
    CHECK((scaled.type.scale.slope >= 1.0 / 32767 && scaled.type.scale.slope < 1.0 / 32767 * (1 + 2e-7)));
    CHECK(contains(scaled.change,
                   "steps of 1 are coarse for the intensities of the result; written as int16 with slope"));
    const StorageChoice without = choice_for(fine, IntensityType::keep, false);
    CHECK(without.type.datatype == DT_FLOAT32);
    CHECK(contains(without.change, "; written as float32"));
    // A scale of the input that the format cannot hold.
    const StorageChoice lost =
        choice_for(stored_as(volume_of({0.0f, 2.0f}), DT_INT16, 2.0), IntensityType::keep, false);
    CHECK((lost.type.datatype == DT_FLOAT32 && lost.change.empty()));
    const StorageChoice shifted =
        choice_for(stored_as(volume_of({0.0f, 2.0f}), DT_INT16, 1.0, 2.0), IntensityType::keep, false);
    CHECK(shifted.type.datatype == DT_FLOAT32);
}

TEST_CASE("the user's type is taken, and a format gives the type that holds it") {
    const Volume volume = stored_as(volume_of(ramp(0, 3000, 3001)), DT_UINT8);
    CHECK(choice_for(volume, IntensityType::float32).type.datatype == DT_FLOAT32);
    const StorageChoice asked =
        choice_for(stored_as(volume_of(ramp(0, 3000, 3001)), DT_FLOAT32), IntensityType::int16);
    CHECK((asked.type.datatype == DT_INT16 && asked.type.scale.slope == 1.0 && asked.change.empty()));
    const Volume words = stored_as(volume_of(ramp(0, 3000, 3001)), DT_UINT16);
    const StorageChoice held =
        choose_storage(std::span(&words, 1), IntensityType::keep, false, [](int) { return int{DT_INT32}; });
    CHECK((held.type.datatype == DT_INT32 && held.change.empty()));
}

TEST_CASE("a header gets the stored type, and keeps a scale that says the same") {
    NiftiHeader header = plain_header(volume_of({0.0f, 1.0f}));
    header.fields.scl_slope = 0.0;  // no scaling
    header.fields.scl_inter = 5.0;
    set_stored_type(header, {.datatype = DT_INT16});
    CHECK((header.fields.datatype == DT_INT16 && header.fields.bitpix == 16));
    CHECK((header.fields.scl_slope == 0.0 && header.fields.scl_inter == 5.0));
    set_stored_type(header, {.datatype = DT_UINT8, .scale = {0.5, 0.0}});
    CHECK((header.fields.datatype == DT_UINT8 && header.fields.bitpix == 8));
    CHECK((header.fields.scl_slope == 0.5 && header.fields.scl_inter == 0.0));
    set_stored_type(header, {.datatype = DT_FLOAT64, .scale = {0.5, 2.0}});
    CHECK((header.fields.bitpix == 64 && header.fields.scl_inter == 2.0));
    set_stored_type(header, {.datatype = DT_FLOAT32, .scale = {1.0, 0.0}});
    CHECK((header.fields.scl_slope == 1.0 && header.fields.scl_inter == 0.0));
}
