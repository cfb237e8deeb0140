// Acquisitions with ranges, the bias field, and the input of a network.
#include "imaging/acquisition.hpp"

#include <numbers>
#include <set>

#include "imaging/bias_field.hpp"
#include "tests/imaging/fixtures.hpp"
#include "tests/synthetic_head.hpp"

using namespace dnsp;
using namespace dnsp::imaging;
using dnsp::testing::complaint;
using dnsp::testing::contains;
using dnsp::testing::largest_difference;

TEST_CASE("a parameter is drawn uniformly from its range, and others stay") {
    DegradationSettings settings{.blur_sigma = {0.6, 1.4}, .noise = 0.01};
    const Degradation degradation = settings.make();
    REQUIRE(degradation.ranges);
    CHECK(degradation.sigma == 1.0);
    CHECK(describe(degradation).at("sigma") == "0.6:1.4");
    double sum = 0.0, squares = 0.0;
    constexpr int count = 4000;
    for (int i = 0; i < count; ++i) {
        const Degradation one = drawn(degradation, {5, static_cast<std::uint64_t>(i)});
        CHECK_FALSE(one.ranges);
        CHECK((one.sigma > 0.6 && one.sigma < 1.4 && one.noise == 0.01));
        sum += one.sigma;
        squares += one.sigma * one.sigma;
    }
    const double mean = sum / count, variance = squares / count - mean * mean;
    CHECK(std::abs(mean - 1.0) < 4 * 0.231 / std::sqrt(count));  // four standard errors
    CHECK(std::abs(variance - 0.64 / 12) < 0.004);
}

TEST_CASE("the preset varied draws the kernel, and the window of k-space") {
    const Degradation degradation =
        DegradationSettings{.preset = varied_preset, .scale = 3, .blur_sigma = {1.0, 2.0}}.make();
    CHECK(describe(degradation).at("kernel") == "gaussian or kspace");
    std::map<std::string, int> counts;
    constexpr int count = 6000;
    for (int i = 0; i < count; ++i) {
        const Degradation one = drawn(degradation, {5, static_cast<std::uint64_t>(i)});
        validate(one);
        const auto text = describe(one);
        ++counts[text.at("kernel") == "kspace" ? text.at("window") : text.at("kernel")];
        // A drawn acquisition is that of the preset that it names.
        Degradation named = make_degradation(one.preset, 3);
        named.window = one.window;
        if (one.preset == "gaussian") {
            CHECK((one.sigma > 1.0 && one.sigma < 2.0));
            named.sigma = one.sigma;
        }
        CHECK(describe(named) == text);
    }
    const auto share = [&](const char* name) { return double(counts[name]) / count; };
    CHECK(counts.size() == 4);
    CHECK(std::abs(share("gaussian") - 0.5) < 4 * std::sqrt(0.25 / count));  // four standard errors
    for (const char* window : {"none", "hamming", "fermi"})
        CHECK(std::abs(share(window) - 1.0 / 6) < 4 * std::sqrt(5.0 / 36 / count));
    const Degradation windows = DegradationSettings{.preset = "kspace", .window = WindowSetting::any}.make();
    CHECK(describe(windows).at("window") == "any");
    CHECK(drawn(windows, {1, 1}).window != drawn(windows, {1, 4}).window);
}

TEST_CASE("the spacing follows the thickness unless it has numbers of its own") {
    DegradationSettings settings;
    settings.direction = Direction::through_plane;
    settings.preset = through_plane_preset;
    settings.scale = 1;
    settings.through_plane.thickness = {2.0, 6.0};
    const Degradation follows = drawn(settings.make(), {1, 2});
    CHECK(follows.through_plane->spacing == follows.through_plane->thickness);
    settings.through_plane.spacing = {3.0, 4.0};
    const Degradation own = drawn(settings.make(), {1, 2});
    CHECK(own.through_plane->thickness == follows.through_plane->thickness);
    CHECK((own.through_plane->spacing > 3.0 && own.through_plane->spacing < 4.0));
    settings.through_plane.spacing = 5.0;
    CHECK(drawn(settings.make(), {1, 2}).through_plane->spacing == 5.0);
}

TEST_CASE("the given share of the images has no noise, and the others the same as without a share") {
    DegradationSettings settings{.noise = {0.01, 0.03}};
    const Degradation all = settings.make();
    settings.noise_free = 0.4;
    const Degradation some = settings.make();
    int free = 0;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        const double noise = drawn(some, {7, i}).noise;
        free += noise == 0.0;
        CHECK((noise == 0.0 || noise == drawn(all, {7, i}).noise));
    }
    CHECK(std::abs(free - 800) < 110);  // five standard deviations of the binomial distribution
    CHECK(describe(some).at("noise_free") == "0.4");
    CHECK(describe(all).count("noise_free") == 0);
    for (const auto& [noise, share] :
         {std::pair{NumberOrRange{0.02, 0.02}, 0.4}, {NumberOrRange{0.0, 0.03}, 1.0}}) {
        const DegradationSettings wrong{.noise = noise, .noise_free = share};
        CHECK(contains(complaint([&] { wrong.make(); }), "needs a range of noise, and is below 1"));
    }
}

TEST_CASE("parameters are drawn independently of each other") {
    DegradationSettings in_plane{.blur_sigma = {0.6, 1.4}, .noise = {0.0, 0.1}, .bias_field = {0.1, 0.5}};
    DegradationSettings through_plane = in_plane;
    through_plane.blur_sigma = 0.0;
    through_plane.direction = Direction::through_plane;
    through_plane.preset = through_plane_preset;
    through_plane.scale = 1;
    through_plane.through_plane.thickness = {2.0, 6.0};
    through_plane.through_plane.spacing = {3.0, 5.0};
    constexpr std::uint64_t count = 2000;
    const auto check = [&](const DegradationSettings& settings, const auto& parameters_of) {
        const Degradation degradation = settings.make();
        std::vector<std::vector<double>> draws;
        for (std::uint64_t i = 0; i < count; ++i) draws.push_back(parameters_of(drawn(degradation, {9, i})));
        const auto mean = [&](auto&& f) {
            double sum = 0.0;
            for (const auto& one : draws) sum += f(one) / count;
            return sum;
        };
        for (std::size_t a = 0; a < draws[0].size(); ++a)
            for (std::size_t b = 0; b < a; ++b) {
                const double of_a = mean([&](auto&x) { return x[a]; }),
                             of_b = mean([&](auto&x) { return x[b]; });
                const auto product = [&](std::size_t i, double of_i, std::size_t j, double of_j) {
                    return mean([&](auto& x) { return (x[i] - of_i) * (x[j] - of_j); });
                };
                const double correlation = product(a, of_a, b, of_b) /
                                           std::sqrt(product(a, of_a, a, of_a) * product(b, of_b, b, of_b));
                INFO("parameters " << a << " and " << b);
                CHECK(std::abs(correlation) < 4 / std::sqrt(count));  // four standard errors
            }
    };
    check(in_plane, [](const Degradation& d) { return std::vector{d.sigma, d.noise, d.bias_field}; });
    check(through_plane, [](const Degradation& d) {
        return std::vector{d.through_plane->thickness, d.through_plane->spacing, d.noise, d.bias_field};
    });
}

TEST_CASE("the acquisition of a scan depends on its content and the seed, not on its place") {
    DegradationSettings settings{.noise = {0.0, 0.05}};
    const Degradation degradation = settings.make();
    Volume head = testing::synthetic_head(20, 22, 24), moved = head;
    moved.path = "elsewhere.nii";
    const double noise = drawn_for(head, degradation).noise;
    CHECK(drawn_for(moved, degradation).noise == noise);
    settings.noise_seed = 2;
    CHECK(drawn_for(head, settings.make()).noise != noise);
    moved.voxels[moved.voxels.size() / 2 + 5] += 1.0f;
    CHECK(drawn_for(moved, degradation).noise != noise);
}

TEST_CASE("the bias field is smooth, bounded and random") {
    std::set<double> values;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const BiasField field(0.3, {seed, 1});
        double largest_step = 0.0;
        for (int i = 0; i <= 100; ++i) {
            const double u = i / 100.0, value = std::log(field.at(u, 0.3, 1.0 - u));
            CHECK(std::abs(value) <= 0.3);
            if (i > 0)
                largest_step =
                    std::max(largest_step, std::abs(value - std::log(field.at(u - 0.01, 0.3, 1.01 - u))));
        }
        // |∂p/∂u| + |∂p/∂w| ≤ 2π each: |Δ log| ≤ .3 · .01 · 4π.
        CHECK(largest_step <= 0.3 * 0.01 * 4 * 3.1416);
        values.insert(field.at(0.1, 0.2, 0.9));
    }
    CHECK(values.size() == 50);
    CHECK(*values.begin() < 0.95);
    CHECK(*values.rbegin() > 1.05);
}

TEST_CASE("the bias field is the exponential of a normalised sum of cosines") {
    const Philox random{6, 7};
    const BiasField field(0.4, random);
    // cos(πiu) cos(πjv) cos(πkw) with 1 ≤ i + j + k ≤ 2, in the order of imaging/bias_field.cpp.
    const int orders[9][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 0, 1},
                              {0, 1, 1}, {2, 0, 0}, {0, 2, 0}, {0, 0, 2}};
    for (const auto& [u, v, w] : {std::array{0.0, 0.0, 0.0}, {0.3, 0.8, 0.1}, {1.0, 0.45, 0.7}}) {
        double sum = 0.0, norm = 0.0;
        for (std::uint64_t t = 0; t < 9; ++t) {
            sum += random.normal(t) * std::cos(std::numbers::pi * orders[t][0] * u) *
                   std::cos(std::numbers::pi * orders[t][1] * v) *
                   std::cos(std::numbers::pi * orders[t][2] * w);
            norm += std::abs(random.normal(t));
        }
        CHECK(std::abs(field.at(u, v, w) - std::exp(0.4 * sum / norm)) <= 1e-12);
    }
}

TEST_CASE("an image and the middle of a volume are multiplied by the same field") {
    const BiasField field(0.5, {3, 4});
    Volume volume;
    volume.size = {7, 6, 5};
    volume.voxels.assign(7 * 6 * 5, 1.0f);
    multiply(volume, field);
    Image image(6, 7, 1.0f);
    multiply(image, field);
    CHECK(largest_difference(extract_slice(volume, 2, 2), image) == 0.0);
}

TEST_CASE("the input of a network is the degraded image, interpolated at the target's pixels") {
    const Volume head = testing::synthetic_head(40, 36, 30);
    const Image slice = extract_slice(head, 2, 15);
    const Degradation in_plane = DegradationSettings{}.make();
    CHECK(largest_difference(network_image(slice, in_plane, 1.0, 1.0),
                             enlarge(degrade(slice, in_plane), in_plane)) == 0.0);
    DegradationSettings settings;
    settings.direction = Direction::through_plane;
    settings.preset = through_plane_preset;
    settings.scale = 1;
    settings.through_plane.thickness = 5.0;
    const Degradation thick = settings.make();  // 36 rows: seven slices of 5 mm cover 35
    const Image image = network_image(slice, thick, 1.0, 1.0),
                covered = enlarge(degrade(slice, thick), thick);
    CHECK((image.height == 36 && covered.height == 35));
    CHECK(largest_difference(crop(image, 0, 0, 35, image.width), covered) == 0.0);
}

TEST_CASE("ranges that make no sense are refused") {
    CHECK(contains(complaint([] { DegradationSettings{.blur_sigma = {-1.0, 1.0}}.make(); }), "not positive"));
    CHECK(contains(complaint([] {
                       DegradationSettings{.preset = "box", .blur_sigma = {0.5, 1.0}}.make();
                   }),
                   "Gaussian"));
    CHECK(contains(complaint([] { DegradationSettings{.bias_field = -0.1}.make(); }), "bias field -0.1"));
    DegradationSettings low_field{.preset = "low-field", .scale = 1, .noise = {0.0, 0.1}};
    CHECK(contains(complaint([&] { low_field.make(); }), "other noise"));
}
