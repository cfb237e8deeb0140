// What prior_figures measures, against closed forms, and its files.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/philox.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"
#include "tools/prior_measures.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;

namespace {

imaging::Image white_noise(int height, int width, double variance) {
    const Philox random{5, 1};
    imaging::Image image(height, width);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = static_cast<float>(std::sqrt(variance) * random.normal(i));
    return image;
}

}  // namespace

TEST_CASE("the PSNR of rank k equals that of the rebuilt image, for a range of 1") {
    const imaging::Image image = white_noise(24, 31, 0.04);
    const tools::RankSpectrum spectrum = tools::rank_spectrum(image, 0.01);
    REQUIRE(spectrum.singular_values.size() == 24);
    for (const int k : {1, 7, 23}) {
        const imaging::Image rebuilt = tools::approximation_of_rank(image, k);
        double error = 0.0;
        for (std::size_t i = 0; i < image.pixels.size(); ++i)
            error += std::pow(static_cast<double>(image.pixels[i]) - rebuilt.pixels[i], 2);
        const double psnr = 10.0 * std::log10(static_cast<double>(image.pixels.size()) / error);
        REQUIRE(std::abs(spectrum.psnr_db[static_cast<std::size_t>(k) - 1] - psnr) < 1e-3);
    }
    REQUIRE(std::isinf(spectrum.psnr_db.back()));
}

TEST_CASE("the surrogate of rank follows its closed form for a matrix of known singular values") {
    // A diagonal of .02 and .01, δ = .01: 2 − e^(−2) − e^(−1/2).
    imaging::Image image(2, 3);
    image.at(0, 0) = 0.02f;
    image.at(1, 1) = 0.01f;
    const double expected = 2.0 - std::exp(-2.0) - std::exp(-0.5);
    REQUIRE(std::abs(tools::rank_spectrum(image, 0.01).surrogate - expected) < 1e-6);
}

TEST_CASE("the variance of the Laplacian of white noise is 5/4 of its variance, and blur lowers it") {
    // The squared taps of L/4 add up to (16 + 4) / 16 = 5/4.
    const imaging::Image image = white_noise(300, 300, 0.01);
    const double sharp = tools::laplacian_variance(image);
    REQUIRE(std::abs(sharp / 0.0125 - 1.0) < 0.02);
    double last = sharp;
    for (const double sigma : {0.5, 1.0, 2.0}) {
        const double blurred = tools::laplacian_variance(tools::gaussian_blurred(image, sigma));
        REQUIRE(blurred < last);
        last = blurred;
    }
    const imaging::Image constant(9, 9, 0.7f);
    REQUIRE(tools::laplacian_variance(tools::gaussian_blurred(constant, 2.0)) < 1e-12);
}

TEST_CASE("a filter response has the norm, sum and spectrum of its taps") {
    const tools::FilterResponse r =
        tools::filter_response(white_noise(8, 9, 1.0), "L", {0, -1, 0, -1, 4, -1, 0, -1, 0});
    REQUIRE(std::abs(r.norm - std::sqrt(20.0)) < 1e-12);
    REQUIRE(r.sum == 0.0);
    REQUIRE(r.deviation.height == 6);
    REQUIRE(r.deviation.width == 7);
    // |L̂| = 4 − 2 cos 2πf_x − 2 cos 2πf_y: 0 in the middle, 8 at the corner.
    REQUIRE(std::abs(r.spectrum.at(32, 32)) < 1e-6);
    REQUIRE(std::abs(r.spectrum.at(0, 0) - 8.0) < 1e-5);
    REQUIRE(std::abs(r.spectrum.at(32, 0) - 4.0) < 1e-5);
}

TEST_CASE("prior_figures writes numbers and pictures of a volume") {
    testing::TemporaryFolder folder;
    const std::string volume = trained().volume.string();
    const auto rank =
        run_tool("prior_figures rank " + volume + " --crop --json " + (folder / "r.json").string());
    INFO(rank.output);
    REQUIRE(rank.status == 0);
    const auto json = nlohmann::json::parse(bytes_of(folder / "r.json"));
    REQUIRE(json["singular_values"].size() ==
            std::min(json["height"].get<std::size_t>(), json["width"].get<std::size_t>()));
    REQUIRE(json["width"].get<int>() < 56);  // The background is cropped.
    REQUIRE(run_tool("prior_figures blur " + volume + " --slice 99").status == 1);
    REQUIRE(run_tool("prior_figures rank " + volume + " --range 1 1").status == 1);
    REQUIRE(run_tool("prior_figures").status == 2);
    const auto none = run_tool("prior_figures filters " + volume + " --checkpoint " +
                               (trained().weights.parent_path() / "checkpoint.safetensors").string());
    INFO(none.output);
    REQUIRE(none.status == 1);
    REQUIRE(none.says("no learned filters"));
    if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) DNSP_SKIP("gnuplot is not installed");
    for (const char* part : {"rank", "blur"}) {
        const auto drawn =
            run_tool("prior_figures " + std::string(part) + " " + volume + " --force --figure " +
                     (folder / "f.png").string() + " --chart " + (folder / "c.png").string());
        INFO(drawn.output);
        REQUIRE(drawn.status == 0);
        REQUIRE(bytes_of(folder / "f.png").substr(1, 3) == "PNG");
        REQUIRE(bytes_of(folder / "c.png").substr(1, 3) == "PNG");
    }
}
