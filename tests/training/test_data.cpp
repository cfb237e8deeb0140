#include <algorithm>
#include <cmath>
#include <set>

#include "base/options_json.hpp"
#include "priors/filter_bank.hpp"
#include "tests/catch.hpp"
#include "tests/synthetic_head.hpp"
#include "tests/test_device.hpp"
#include "training/patch_sampler.hpp"
#include "training/settings.hpp"
#include "training/split.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

Subject head(const std::string& path = "a.nii", std::uint64_t seed = 1,
             InputFeatures features = InputFeatures::intensity) {
    imaging::Volume volume = testing::synthetic_head(56, 64, 60, seed);
    volume.path = path;
    return make_subject(volume, imaging::make_degradation("gaussian", 2), 2, features);
}

TrainingSettings small_settings() {
    TrainingSettings settings;
    settings.patch = 16;
    settings.batch = 8;
    settings.slice_step = 4;
    settings.patches_per_slice = 4;
    return settings;
}

Batch batch_of(PatchSampler& sampler, std::int64_t epoch, std::int64_t step) {
    StepClock clock(test_device());
    clock.set({epoch, step});
    sampler.begin_epoch(epoch);
    return sampler.batch(clock);
}

}  // namespace

TEST_CASE("a subject is cropped to multiples of the scale and keeps only slices that show the head") {
    imaging::Volume volume = testing::synthetic_head(55, 63, 30);
    for (int z = 0; z < 4; ++z)  // four empty slices
        std::fill_n(volume.voxels.begin() + z * 55 * 63, 55 * 63, 0.0f);
    const Subject subject = make_subject(volume, imaging::make_degradation("gaussian", 2), 2);
    REQUIRE(subject.slice_count == 30);
    REQUIRE(subject.slices.front().index >= 4);
    for (const SlicePair& pair : subject.slices) {
        REQUIRE(pair.target.height == 62);
        REQUIRE(pair.target.width == 54);
        REQUIRE(pair.low.height == 31);
        REQUIRE(pair.input.height == 62);
        REQUIRE(pair.input.width == 54);
    }
    // Blur and decimation remove detail and keep the range of intensities.
    REQUIRE(std::abs(subject.normalisation.high - subject.reference_range.high) <
            0.2f * subject.reference_range.high);
}

TEST_CASE("thick slices replace the rows, those of odd slices after a transposition") {
    imaging::Volume volume = testing::synthetic_head(50, 60, 30);
    volume.voxel_size_mm = {1.0, 0.8, 1.0};
    imaging::Degradation degradation = imaging::make_degradation(imaging::through_plane_preset, 1);
    degradation.through_plane = imaging::ThroughPlane{4.0, 4.0, imaging::SliceProfile::box};
    const Subject subject = make_subject(volume, degradation, 2);
    bool even = false, odd = false;
    for (const SlicePair& pair : subject.slices) {
        const imaging::Image slice = imaging::extract_slice(volume, 2, pair.index);
        if (pair.index % 2 == 0) {  // 48 mm of rows .8 mm apart
            even = true;
            REQUIRE((pair.low.height == 12 && pair.low.width == 50));
            REQUIRE((pair.input.height == 60 && pair.input.width == 50));
            REQUIRE(pair.target.pixels == slice.pixels);
            double sum = 0.0;  // a slice covers 5 rows
            for (int y = 0; y < 5; ++y) sum += slice.at(20 + y, 25) / 5.0;
            REQUIRE(std::abs(pair.low.at(4, 25) - sum) < 1e-3);
        } else {  // 50 mm of columns 1 mm apart
            odd = true;
            REQUIRE((pair.low.height == 12 && pair.low.width == 60));
            REQUIRE((pair.input.height == 48 && pair.input.width == 60));
            REQUIRE(pair.target.at(7, 30) == slice.at(30, 7));
        }
    }
    REQUIRE((even && odd));
    REQUIRE_THROWS_WITH(make_subject(imaging::Image(32, 32, 1.0f), "p.png", degradation),
                        ContainsSubstring("p.png: a picture has no pixel size"));
}

TEST_CASE("one subject is split by slab with a gap on both sides, and the description says so") {
    const Split split = split_subjects({head()}, 1);
    REQUIRE(split.training.size() == 1);
    REQUIRE(split.validation.size() == 1);
    REQUIRE(split.description.find("one subject") != std::string::npos);
    for (const SlicePair& train : split.training.front().slices)
        for (const SlicePair& held : split.validation.front().slices)
            REQUIRE(std::abs(train.index - held.index) > guard_gap_slices);
    const auto& held = split.held_out.at(0);
    REQUIRE(held.file == "a.nii");
    REQUIRE(held.slices.size() == split.validation.front().slices.size());
}

TEST_CASE("several subjects are split by subject") {
    std::vector<Subject> subjects;
    for (const char* name : {"a.nii", "b.nii", "c.nii", "d.nii", "e.nii", "f.nii"}) {
        Subject subject;
        subject.path = name;
        subjects.push_back(subject);
    }
    const Split split = split_subjects(subjects, 3);
    REQUIRE(split.training.size() == 5);
    REQUIRE(split.validation.size() == 1);
    std::set<std::string> names;
    for (const auto& s : split.training) names.insert(s.path);
    REQUIRE(names.size() == 5);
    REQUIRE_FALSE(names.contains(split.validation.front().path));
    REQUIRE_THROWS_AS(split_by_user({subjects[0]}, {subjects[0]}), Error);
    REQUIRE_THROWS_AS(split_subjects({}, 1), Error);
}

TEST_CASE("patches are a pure function of seed, epoch and step") {
    const std::vector<Subject> subjects{head()};
    const TrainingSettings settings = small_settings();
    PatchSampler a(subjects, settings, test_device()), b(subjects, settings, test_device());
    REQUIRE(a.steps_per_epoch() == static_cast<std::int64_t>(a.slices()) * 4 / 8);
    const auto early = batch_of(a, 0, 0).input.to_vector<float>();
    const auto late = batch_of(a, 2, 1).input.to_vector<float>();
    REQUIRE(early != late);
    REQUIRE(batch_of(b, 2, 1).input.to_vector<float>() == late);  // without the previous epochs
    REQUIRE(batch_of(b, 0, 0).input.to_vector<float>() == early);
    TrainingSettings other = settings;
    other.seed = 2;
    PatchSampler c(subjects, other, test_device());
    REQUIRE(batch_of(c, 0, 0).input.to_vector<float>() != early);
}

TEST_CASE("input and target of a batch show the same place under the same symmetry") {
    const std::vector<Subject> subjects{head()};
    PatchSampler sampler(subjects, small_settings(), test_device());
    const Batch batch = batch_of(sampler, 1, 0);
    const auto x = batch.input.to_vector<float>(), y = batch.target.to_vector<float>();
    // The blurred input correlates with its target far better than with the target of the next patch.
    const std::size_t area = 16 * 16;
    auto distance = [&](std::size_t i, std::size_t j) {
        double sum = 0.0;
        for (std::size_t k = 0; k < area; ++k) sum += std::pow(x[i * area + k] - y[j * area + k], 2);
        return sum;
    };
    for (std::size_t i = 0; i < 8; ++i) REQUIRE(distance(i, i) < 0.5 * distance(i, (i + 1) % 8));
}

namespace {

/// Settings and subjects of an acquisition.
struct Acquired {
    TrainingSettings settings = small_settings();
    std::vector<Subject> subjects;
    explicit Acquired(const imaging::DegradationSettings& degradation) {
        settings.degradation = degradation;
        subjects.push_back(make_subject(testing::synthetic_head(56, 64, 60), degradation.make(), 2));
    }
    PatchSampler sampler() const { return {subjects, settings, test_device()}; }
};

/// The root mean square of the differences of two lists.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
    return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

TEST_CASE("every epoch acquires its slices anew, as a pure function of seed and epoch") {
    imaging::DegradationSettings degradation;
    degradation.noise = 0.05;
    const Acquired noisy(degradation);
    degradation.noise = 0.0;
    const Acquired clean(degradation);
    PatchSampler a = noisy.sampler(), b = noisy.sampler(), without = clean.sampler();
    std::vector<std::vector<float>> noise;
    for (const std::int64_t epoch : {0, 1, 2}) {
        const Batch with = batch_of(a, epoch, 1), plain = batch_of(without, epoch, 1);
        noise.push_back(with.input.to_vector<float>());
        // The same patches, of which the bright pixels are compared as stored intensities. Cubic
        // interpolation at ×2 multiplies the variance of the noise by (Σ w²)² with w = (−9, 111, 29, −3)/128.
        const auto x = with.target.to_vector<float>(), y = plain.target.to_vector<float>(),
                   clean_input = plain.input.to_vector<float>();
        const imaging::Normalisation &noisy_range = noisy.subjects.front().normalisation,
                                     &clean_range = clean.subjects.front().normalisation;
        double largest = 0.0, squares = 0.0, count = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            largest =
                std::max<double>(largest, std::abs(noisy_range.restore(x[i]) - clean_range.restore(y[i])));
            if (clean_input[i] < 0.4f) continue;
            squares +=
                std::pow(noisy_range.restore(noise.back()[i]) - clean_range.restore(clean_input[i]), 2);
            ++count;
        }
        CHECK(largest < 1e-2);
        const imaging::Normalisation& reference = clean.subjects.front().reference_range;
        const double sigma = 0.05 * (reference.high - reference.low);
        const double weights = (9.0 * 9 + 111.0 * 111 + 29.0 * 29 + 3.0 * 3) / (128.0 * 128);
        INFO(std::sqrt(squares / count) / sigma << ", expected " << weights);
        CHECK(std::abs(std::sqrt(squares / count) / (sigma * weights) - 1.0) < 0.1);
    }
    CHECK(batch_of(b, 2, 1).input.to_vector<float>() == noise[2]);  // without the previous epochs
    CHECK(batch_of(b, 0, 1).input.to_vector<float>() == noise[0]);

    // One patch that fills its slice: only its symmetry and its noise may change.
    Acquired one(noisy.settings.degradation);
    one.settings.patch = 30;
    one.settings.batch = 1;
    one.settings.patches_per_slice = 1;
    SlicePair& pair = one.subjects.front().slices.front();
    one.subjects.front().slices.erase(one.subjects.front().slices.begin() + 1,
                                      one.subjects.front().slices.end());
    for (imaging::Image* image : {&pair.target, &pair.input}) *image = imaging::crop(*image, 16, 12, 30, 30);
    PatchSampler single = one.sampler();
    const auto sorted = [&](std::int64_t epoch) {
        auto values = batch_of(single, epoch, 0).input.to_vector<float>();
        std::sort(values.begin(), values.end());
        return values;
    };
    CHECK(sorted(0) != sorted(1));
}

TEST_CASE("every slice of an epoch draws its own thickness and bias field") {
    imaging::DegradationSettings degradation;
    degradation.direction = imaging::Direction::through_plane;
    degradation.preset = imaging::through_plane_preset;
    degradation.scale = 1;
    degradation.through_plane.thickness = {2.0, 6.0};
    const Acquired thick(degradation);
    PatchSampler sampler = thick.sampler();
    std::vector<double> errors;
    for (std::int64_t epoch = 0; epoch < 6; ++epoch) {
        const Batch batch = batch_of(sampler, epoch, 0);
        errors.push_back(distance(batch.input.to_vector<float>(), batch.target.to_vector<float>()));
    }
    CHECK(*std::max_element(errors.begin(), errors.end()) >
          1.05 * *std::min_element(errors.begin(), errors.end()));

    degradation.through_plane.thickness = 3.0;
    const Acquired dark(degradation);
    degradation.bias_field = {0.2, 0.4};
    Acquired bright(degradation);
    for (std::size_t i = 0; i < dark.subjects.front().slices.size(); ++i)
        CHECK(bright.subjects.front().slices[i].truth.pixels ==
              dark.subjects.front().slices[i].target.pixels);
    // The truth of a slice is multiplied, not its target, which has the scan's field already.
    bright.subjects = dark.subjects;
    for (SlicePair& pair : bright.subjects.front().slices) {
        pair.truth = pair.target;
        for (float& pixel : pair.truth.pixels) pixel *= 2.0f;
    }
    PatchSampler plain = dark.sampler(), biased = bright.sampler();
    const Batch p = batch_of(plain, 0, 0), q = batch_of(biased, 0, 0);
    const auto x = p.target.to_vector<float>(), y = q.target.to_vector<float>(),
               z = q.input.to_vector<float>();
    const imaging::Normalisation& range = dark.subjects.front().normalisation;
    double largest = 0.0, smallest = 10.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (x[i] < 0.3f) continue;
        const double ratio = range.restore(y[i]) / (2.0 * range.restore(x[i]));
        largest = std::max(largest, ratio);
        smallest = std::min(smallest, ratio);
    }
    CHECK((smallest > std::exp(-0.4) && largest < std::exp(0.4) && largest > 1.05 * smallest));
    auto doubled = x;
    for (float& value : doubled) value = range.apply(2.0f * range.restore(value));
    CHECK(distance(y, z) < distance(doubled, z));  // the input has the field, too
}

TEST_CASE("an acquisition that a slice cannot have stops the epoch with its message") {
    imaging::DegradationSettings degradation;
    degradation.direction = imaging::Direction::through_plane;
    degradation.preset = imaging::through_plane_preset;
    degradation.scale = 1;
    degradation.through_plane.thickness = 3.0;
    Acquired thin(degradation);
    thin.settings.degradation.through_plane.thickness = {0.2, 3.0};
    PatchSampler sampler = thin.sampler();
    std::string message;
    try {
        sampler.begin_epoch(0);
    } catch (const FileError& error) {
        message = error.what();
    }
    CHECK(message.find("below the voxel size") != std::string::npos);
}

TEST_CASE("the tissues of a subject are those of its degraded volume, and its patches carry them") {
    const std::vector<Subject> plain{head()},
        labelled{head("a.nii", 1, InputFeatures::intensity_and_tissues)};
    CHECK_FALSE(plain[0].tissues.has_value());
    REQUIRE(labelled[0].tissues.has_value());
    PatchSampler one(plain, small_settings(), test_device()), four(labelled, small_settings(), test_device());
    for (std::int64_t epoch : {0, 3}) {
        const Batch intensity = batch_of(one, epoch, 1), all = batch_of(four, epoch, 1);
        CHECK(all.input.shape() == Shape{8, 16, 16, 4});
        CHECK(all.target.to_vector<float>() == intensity.target.to_vector<float>());
        const auto x = intensity.input.to_vector<float>(), channels = all.input.to_vector<float>();
        for (std::size_t i = 0; i < x.size(); ++i) {
            const auto p = labelled[0].tissues->posteriors(x[i]);
            const std::vector<float> expected{x[i], p[0], p[1], p[2]};
            REQUIRE(std::equal(expected.begin(), expected.end(),
                               channels.begin() + static_cast<std::ptrdiff_t>(4 * i)));
        }
    }
    CHECK_THROWS_AS(PatchSampler({plain[0], labelled[0]}, small_settings(), test_device()), Error);
}

TEST_CASE("tissues need a skull-stripped volume") {
    imaging::Volume volume = testing::synthetic_head();
    volume.path = "head.nii";
    volume.voxel_size_mm = {4.0, 4.0, 4.0};  // a head of 5 litres
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const auto message = [](auto&& make) {
        try {
            make();
        } catch (const FileError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    make_subject(volume, degradation, 2);
    CHECK(message([&] {
              make_subject(volume, degradation, 2, InputFeatures::intensity_and_tissues);
          }).starts_with("head.nii: is not skull-stripped"));
    CHECK(message([&] {
              make_subject(imaging::extract_slice(volume, 2, 20), "a.png", degradation,
                           InputFeatures::intensity_and_tissues);
          }).starts_with("a.png: is a picture"));
}

TEST_CASE("settings are restored from JSON") {
    TrainingSettings settings = small_settings();
    settings.inputs = {"a.nii", "b.nii"};
    settings.model = {"edsr", 4, 8, false};
    settings.objective.variant = "LS";
    settings.objective.reduction = Reduction::sum;
    settings.objective.extra_terms = {{"total_variation", 1e-3}};
    settings.objective.terms.get<FilterOptions>().border = Border::zero;
    settings.schedule = Schedule::cosine;
    settings.seed = 12345678901234567890ull;
    TrainingSettings copy;
    OptionReader reader(to_json(settings));
    copy.visit(reader);
    REQUIRE(reader.unknown_key().empty());
    REQUIRE(to_json(copy) == to_json(settings));
    REQUIRE(copy.seed == settings.seed);
}

TEST_CASE("the learning rate schedules have their documented values") {
    REQUIRE(schedule_factor(Schedule::constant, 70, 100) == 1.0);
    REQUIRE(schedule_factor(Schedule::cosine, 0, 100) == 1.0);
    REQUIRE(std::abs(schedule_factor(Schedule::cosine, 50, 100) - 0.5) < 1e-15);
    REQUIRE(schedule_factor(Schedule::cosine, 99, 100) < 1e-3);
}
