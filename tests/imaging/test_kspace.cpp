// The preset kspace against a naive two-dimensional discrete Fourier transform.
#include "imaging/kspace.hpp"

#include <cmath>
#include <complex>
#include <numbers>

#include "imaging/degradation.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

using Complex = std::complex<double>;

/// What a scanner measures of an object and reconstructs: frequencies −m/2 … of m = size/scale samples.
Image cropped_in_kspace(const Image& image, int scale, double shift, double (*window)(double)) {
    const int h = image.height / scale, w = image.width / scale;
    const auto first = [](int samples) { return -(samples / 2); };
    const auto turn = [](double angle) { return std::polar(1.0, 2.0 * std::numbers::pi * angle); };
    const auto factor = [&](int f, int samples) {
        return window(std::abs(f) / std::max(1.0, 0.5 * samples));
    };
    Image result(h, w);
    for (int y = 0; y < h; ++y)
        for (int x = 0; x < w; ++x) {
            Complex sum = 0.0;
            for (int v = first(h); v < first(h) + h; ++v)
                for (int u = first(w); u < first(w) + w; ++u) {
                    Complex k = 0.0;
                    for (int i = 0; i < image.height; ++i)
                        for (int j = 0; j < image.width; ++j)
                            k += static_cast<double>(image.at(i, j)) *
                                 turn(-(static_cast<double>(v * i) / image.height +
                                        static_cast<double>(u * j) / image.width));
                    sum +=
                        k * factor(v, h) * factor(u, w) *
                        turn(v * (scale * y + shift) / image.height + u * (scale * x + shift) / image.width);
                }
            result.at(y, x) = static_cast<float>(sum.real() / (image.height * image.width));
        }
    return result;
}

}  // namespace

TEST_CASE("k-space crops equal the magnitude of a naive Fourier reconstruction") {
    // Odd numbers of kept samples: then no Nyquist sample makes the reconstruction complex.
    const Image whole = image_of(expected()["degradations"]["image"]);
    for (const int scale : {2, 3}) {
        const Image image = crop(whole, 0, 0, 3 * scale, 5 * scale);
        Degradation degradation = make_degradation("kspace", scale);
        const struct {
            KspaceWindow window;
            double (*factor)(double);
        } windows[] = {
            {KspaceWindow::none, [](double) { return 1.0; }},
            {KspaceWindow::hamming, [](double r) { return 0.54 + 0.46 * std::cos(std::numbers::pi * r); }},
            {KspaceWindow::fermi, [](double r) { return 1.0 / (1.0 + std::exp((r - 0.9) / 0.05)); }}};
        for (const auto& [window, factor] : windows)
            for (const Phase phase : {Phase::center, Phase::corner}) {
                degradation.window = window;
                degradation.phase = phase;
                const double shift = phase == Phase::center ? 0.5 * (scale - 1) : 0.0;
                Image reference = cropped_in_kspace(image, scale, shift, factor);
                // Windows are relative to the factor of the zero frequency here, which keeps a constant.
                for (float& x : reference.pixels)
                    x = std::abs(x) / static_cast<float>(factor(0.0) * factor(0.0));
                CHECK(largest_difference(degrade(image, degradation), reference) <= 1e-6);
            }
    }
}

TEST_CASE("an even number of kept samples gives the real part of the Nyquist sample, by a cosine") {
    // Of 8 samples, 4 are kept: frequencies −2 … 1. A cosine of 2 cycles keeps its amplitude at the samples
    // 2k.
    const AxisResampler map = kspace_cropper(8, 2, Phase::corner, KspaceWindow::none);
    for (const int frequency : {0, 1, 2, 3})
        for (int k = 0; k < 4; ++k) {
            double sum = 0.0;
            for (int t = 0; t < 8; ++t)
                sum += map.weight[static_cast<std::size_t>(8 * k + t)] *
                       std::cos(2 * std::numbers::pi * frequency * t / 8);
            const double amplitude = frequency < 2 ? 1.0 : frequency == 2 ? 0.5 : 0.0;
            const double kept = amplitude * std::cos(2 * std::numbers::pi * frequency * 2 * k / 8);
            CHECK(std::abs(sum - kept) <= 1e-12);
        }
}

TEST_CASE("windows are for the preset kspace, which needs a multiple of the scale") {
    DegradationSettings settings{.preset = "box", .window = WindowSetting::hamming};
    CHECK(contains(complaint([&] { settings.make(); }), "a window is for the preset kspace, not for box"));
    settings.preset = "kspace";
    CHECK(describe(settings.make()).at("window") == "hamming");
    for (const auto& [size, scale] : {std::pair{9, 2}, {0, 2}, {8, 0}, {-4, 2}, {8, -2}})
        CHECK(contains(complaint([&] { kspace_cropper(size, scale, Phase::center, KspaceWindow::none); }),
                       "multiple"));
}
