#include <cmath>
#include <numbers>

#include "base/options_json.hpp"
#include "base/philox.hpp"
#include "imaging/degradation.hpp"
#include "imaging/noise.hpp"
#include "imaging/resample.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

TEST_CASE("every preset equals its plain double sum") {
    const auto& json = expected()["degradations"];
    const Image image = image_of(json["image"]);
    for (const auto& entry : json["cases"]) {
        const auto degradation = make_degradation(entry["preset"], entry["scale"]);
        INFO(degradation.preset << " x" << degradation.scale);
        CHECK(largest_difference(degrade(image, degradation), image_of(entry["low"])) <= 1e-6);
        const Image enlarged =
            enlarge_bicubic(degrade(image, degradation), degradation.scale, degradation.phase);
        CHECK(largest_difference(enlarged, image_of(entry["enlarged"])) <= 2e-6);
    }
}

TEST_CASE("a degradation is described by its preset, kernel, sigma, scale and phase") {
    using Description = std::map<std::string, std::string>;
    auto degradation = make_degradation("gaussian", 2);
    degradation.sigma = 0.1 + 0.2;
    CHECK(describe(degradation) == Description{{"preset", "gaussian"},
                                               {"kernel", "gaussian"},
                                               {"sigma", "0.30000000000000004"},
                                               {"scale", "2"},
                                               {"phase", "center"}});
    CHECK(describe(make_degradation("gaussian-corner", 3)) == Description{{"preset", "gaussian-corner"},
                                                                          {"kernel", "gaussian"},
                                                                          {"sigma", "1.5"},
                                                                          {"scale", "3"},
                                                                          {"phase", "corner"}});
    CHECK(describe(make_degradation("box", 4)).at("kernel") == "box");
    CHECK(describe(make_degradation("bicubic", 4)).at("kernel") == "bicubic");
    CHECK(make_degradation("gaussian", 3).sigma == 1.5);
    CHECK(make_degradation("gaussian", 3).phase == Phase::center);
    CHECK(make_degradation("gaussian-corner", 3).phase == Phase::corner);
}

TEST_CASE("blur_sigma replaces the σ of Gaussian presets and is refused for other presets") {
    CHECK(DegradationSettings{"gaussian", 3, 0.0}.make().sigma == 1.5);
    CHECK(DegradationSettings{"gaussian-corner", 3, 1.25}.make().sigma == 1.25);
    CHECK(DegradationSettings{"gaussian-corner", 3, 1.25}.make().phase == Phase::corner);
    const std::string sentence = complaint([] { DegradationSettings{"box", 2, 1.25}.make(); });
    CHECK(contains(sentence, "Gaussian"));
    CHECK(contains(sentence, "box"));
}

TEST_CASE("unknown presets and scales, and a sigma that is not positive, are refused") {
    const std::string sentence = complaint([] { make_degradation("blur", 2); });
    CHECK(contains(sentence, "\"blur\""));
    for (const std::string& preset : degradation_presets()) CHECK(contains(sentence, preset));
    for (const int scale : {-1, 0, 1, 5}) {
        CHECK(contains(complaint([&] { make_degradation("box", scale); }), "2, 3 or 4"));
    }
    const auto with_sigma = [](double sigma) {
        auto degradation = make_degradation("gaussian", 2);
        degradation.sigma = sigma;
        return complaint([&] { degrade(Image(8, 8), degradation); });
    };
    CHECK(contains(with_sigma(-1), "sigma -1"));
    CHECK(contains(with_sigma(std::nan("")), "sigma nan"));
}

TEST_CASE("sides must be multiples of the scale") {
    CHECK(contains(complaint([] { degrade(Image(9, 8), make_degradation("box", 2)); }), "9×8"));
    CHECK(contains(complaint([] { degrade(Image(), make_degradation("box", 2)); }), "0×0"));
}

TEST_CASE("noise has the mean and the second moment of the Rician distribution") {
    // Gudbjartsson and Patz 1995: E m² = A² + 2σ²; without signal E m = σ √(π/2) (Rayleigh).
    const auto moments = [](float signal) {
        Image image(400, 500, signal);
        add_rician_noise(image, 0.1, 7, 3);
        double first = 0.0, second = 0.0;
        for (const float x : image.pixels) {
            first += x;
            second += static_cast<double>(x) * x;
        }
        const auto n = static_cast<double>(image.pixels.size());
        return std::pair{first / n, second / n};
    };
    const auto empty = moments(0.0f), bright = moments(1.0f);
    CHECK(std::abs(empty.first - 0.1 * std::sqrt(std::numbers::pi / 2)) < 5e-4);
    CHECK(std::abs(empty.second - 0.02) < 2e-4);
    CHECK(std::abs(bright.second - 1.02) < 2e-3);
}

TEST_CASE("a noisy pixel is the magnitude of the pixel with two normal numbers of its own") {
    Image image(3, 5);
    for (std::size_t i = 0; i < 15; ++i) image.pixels[i] = 0.1f * static_cast<float>(i);
    Image noisy = image;
    add_rician_noise(noisy, 0.3, 11, 4);
    const dnsp::Philox random{11, 4};
    for (std::size_t i = 0; i < 15; ++i) {
        const double real = image.pixels[i] + 0.3 * random.normal(2 * i),
                     imaginary = 0.3 * random.normal(2 * i + 1);
        CHECK(std::abs(noisy.pixels[i] - std::hypot(real, imaginary)) <= 1e-6);
    }
    add_rician_noise(image, 0.0, 11, 4);
    CHECK(image.pixels[3] == 0.1f * 3.0f);
}

TEST_CASE("the hash of an image is FNV-1a of its height, width and pixels") {
    Image image(1, 2);
    image.pixels = {1.0f, -2.5f};
    // Little endian: 1 = 3f800000, −2.5 = c0200000.
    const unsigned char bytes[] = {1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0};
    std::uint64_t hash = 14695981039346656037u;
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 1099511628211u;
    CHECK(content_hash(image) == hash);
}

TEST_CASE("noise depends on seed and content, and scales with the range") {
    DegradationSettings settings{.preset = "box", .noise = 0.05};
    const auto degraded = [&](const Image& image, double range) {
        return degrade(image, settings.make(), range).pixels;
    };
    const Image image(16, 16, 100.0f);
    Image other = image;
    other.at(3, 3) = 101.0f;
    const auto noisy = degraded(image, 200.0);
    CHECK(noisy == degraded(image, 200.0));
    CHECK(noisy != degraded(other, 200.0));
    CHECK(degraded(image, 0.0) == Image(8, 8, 100.0f).pixels);
    settings.noise_seed = 2;
    CHECK(noisy != degraded(image, 200.0));
    settings.noise = 0.0;
    CHECK(degraded(image, 200.0) == Image(8, 8, 100.0f).pixels);
    settings.noise = -1.0;
    CHECK(contains(complaint([&] { settings.make(); }), "noise"));
}

TEST_CASE("the preset low-field simulates a lower field on the same grid") {
    const Image image = image_of(expected()["degradations"]["image"]);
    DegradationSettings settings;
    settings.preset = "low-field";
    settings.scale = 1;
    settings.low_field.to_field = 1.0;
    settings.noise_seed = 5;
    const Degradation degradation = settings.make();
    const Image low = degrade(image, degradation, 2.0);
    REQUIRE(low.height == image.height);
    REQUIRE(low.width == image.width);
    // σ is relative to the range; the stream of the noise is the content of the slice.
    CHECK(low.pixels ==
          simulate_low_field(image, settings.low_field.make(), 0.02 * 2.0, {5, content_hash(image)}).pixels);
    CHECK(largest_difference(enlarge_bicubic(low, 1), low) == 0.0);
    CHECK(degradation_resampler(5, degradation).weight == std::vector<double>(5, 1.0));
    const auto description = describe(degradation);
    CHECK(description.at("kernel") == "identity");
    CHECK(description.at("scale") == "1");
    CHECK(description.at("from_field") == "3.0");
    CHECK(description.at("to_field") == "1.0");
    CHECK(description.at("tissue") == "white-matter");
    CHECK(description.at("noise_type") == "complex");
    CHECK(description.at("noise_seed") == "5");
    // (1 − e^(−2.3/.68))/(1 − e^(−2.3/.68) cos 9°) over the same with T1 = 1.08 s
    CHECK(std::abs(std::stod(description.at("signal_ratio")) - 1.0012277) < 1e-6);
}

TEST_CASE("the preset low-field has scale 1 unless another is given, and refuses what does not fit it") {
    DegradationSettings settings;
    dnsp::OptionReader reader({{"preset", "low-field"}, {"low_field", {{"tissue", "grey-matter"}}}});
    settings.visit(reader);
    CHECK(settings.scale == 1);
    CHECK(settings.make().low_field->tissue == Tissue::grey_matter);
    settings.scale = 3;
    CHECK(contains(complaint([&] { settings.make(); }), "keeps the grid"));
    settings.scale = 1;
    settings.noise = 0.1;
    CHECK(contains(complaint([&] { settings.make(); }), "other noise is not possible"));
    settings.noise = 0.0;
    settings.low_field.to_field = 0.55;
    CHECK(contains(complaint([&] { settings.make(); }), "the table has no T1 at 0.55 T"));
    settings.low_field = {};
    Image negative(4, 4, 1.0f);
    negative.at(1, 1) = -0.2f;
    CHECK(contains(complaint([&] { degrade(negative, settings.make(), 1.0); }), "negative intensity"));
    DegradationSettings other;
    other.low_field.to_field = 1.0;
    CHECK(contains(complaint([&] { other.make(); }),
                   "to_field = 1.0 is for the preset low-field, not for gaussian"));
}
