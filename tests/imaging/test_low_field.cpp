#include "imaging/low_field.hpp"

#include "imaging/metrics.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp;
using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

bool near(double value, double expected, double bound) { return std::abs(value - expected) <= bound; }

/// A background of zeros and a block of tissue of intensity .5 to .9, with one side of the block.
constexpr int size = 200, side = 120, first = 40;
Image tissue_block() {
    Image image(size, size);
    for (int y = first; y < first + side; ++y)
        for (int x = first; x < first + side; ++x)
            image.at(y, x) = 0.5f + 0.4f * static_cast<float>((y / 8 + x / 8) % 2);
    return image;
}

/// Standard deviation of image − reference where the reference is above .3.
double deviation_in_tissue(const Image& reference, const Image& image) {
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (std::size_t i = 0; i < reference.pixels.size(); ++i) {
        if (reference.pixels[i] <= 0.3f) continue;
        const double d = static_cast<double>(image.pixels[i]) - reference.pixels[i];
        sum += d;
        squares += d * d;
        count += 1.0;
    }
    return std::sqrt(squares / count - sum * sum / (count * count));
}

double mean_squared_error(const Image& a, const Image& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i)
        sum += std::pow(static_cast<double>(a.pixels[i]) - b.pixels[i], 2);
    return sum / static_cast<double>(a.pixels.size());
}

LowFieldSettings with(Tissue tissue, double tr, double flip_angle,
                      Sequence sequence = Sequence::gradient_echo) {
    LowFieldSettings settings;
    settings.tissue = tissue;
    settings.tr = tr;
    settings.flip_angle = flip_angle;
    settings.sequence = sequence;
    return settings;
}

std::string complaint_of(const LowFieldSettings& settings) {
    return complaint([&] { settings.make(); });
}

}  // namespace

TEST_CASE("the factors of the low-field model have their published values") {
    // The formula of imaging/low_field.hpp, evaluated in Python.
    struct Case {
        LowFieldSettings settings;
        double signal_ratio, signal_factor, noise_factor, snr_ratio;
    };
    const Tissue white = Tissue::white_matter, grey = Tissue::grey_matter;
    for (const Case& c :
         {Case{{}, 1.000980, 0.250245, 0.432871, 0.5005},
          Case{with(white, 6.5, 9), 1.229935, 0.307484, 0.394276, 0.6150},
          Case{with(white, 30, 30), 1.303304, 0.325826, 0.379259, 0.6517},
          Case{with(white, 500, 90, Sequence::spin_echo), 1.277033, 0.319258, 0.384804, 0.6385},
          Case{with(grey, 2300, 9), 1.003745, 0.250936, 0.432471, 0.5019},
          Case{with(grey, 6.5, 9), 1.622962, 0.405740, 0.292190, 0.8115},
          Case{with(grey, 30, 30), 1.797127, 0.449282, 0.219422, 0.8986},
          Case{with(grey, 500, 90, Sequence::spin_echo), 1.745386, 0.436346, 0.244135, 0.8727}}) {
        INFO(static_cast<int>(c.settings.tissue) << ", TR " << c.settings.tr);
        const LowFieldModel model = c.settings.make();
        CHECK(model.field_ratio == 0.5);
        CHECK(model.bandwidth_ratio == 1.0);
        CHECK(near(model.signal_ratio, c.signal_ratio, 1e-6));
        CHECK(near(model.signal_factor(), c.signal_factor, 1e-6));
        CHECK(near(model.noise_factor(), c.noise_factor, 1e-6));
        CHECK(near(model.snr_ratio(), c.snr_ratio, 1e-4));
    }
    CHECK(near(LowFieldSettings{}.make().relative_noise(), 1.7298, 1e-4));
    LowFieldSettings echo;  // T2 of white matter is 92 ms: E2_low/E2_high = exp(−20/92)
    echo.te = 10;
    echo.to_te = 30;
    CHECK(near(echo.make().signal_ratio, 1.000980 * std::exp(-20.0 / 92.0), 1e-6));
    LowFieldSettings narrow;  // half the bandwidth, half the variance of the noise
    narrow.from_bandwidth = 200;
    narrow.to_bandwidth = 100;
    CHECK(near(narrow.make().noise_factor(), std::sqrt(0.25 * 0.5 - 0.250245 * 0.250245), 1e-6));
}

TEST_CASE("relaxation times are tabulated without interpolation, and T1 can be given for other fields") {
    CHECK(tabulated_t1_seconds(Tissue::white_matter, 0.1) == 0.31);
    CHECK(tabulated_t1_seconds(Tissue::white_matter, 3) == 1.08);
    CHECK(tabulated_t1_seconds(Tissue::grey_matter, 1.5) == 0.92);
    CHECK(tabulated_t1_seconds(Tissue::muscle, 0.5) == 0.55);
    CHECK(tabulated_t1_seconds(Tissue::fat, 1) == 0.24);
    CHECK_FALSE(tabulated_t1_seconds(Tissue::fat, 0.55).has_value());
    CHECK(tabulated_t2_seconds(Tissue::white_matter) == 0.092);
    CHECK(tabulated_t2_seconds(Tissue::muscle) == 0.047);
    // T1 rises with the field. Fat has the shortest one, grey matter the longest.
    double before[4] = {};
    for (const double field : {0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 1.5, 3.0}) {
        INFO(field << " T");
        const auto t1 = [&](Tissue tissue) { return tabulated_t1_seconds(tissue, field).value(); };
        const double fat = t1(Tissue::fat), muscle = t1(Tissue::muscle), white = t1(Tissue::white_matter),
                     grey = t1(Tissue::grey_matter);
        CHECK((fat < std::min(muscle, white) && std::max(muscle, white) < grey));
        CHECK((fat > before[0] && muscle > before[1] && white > before[2] && grey > before[3]));
        before[0] = fat, before[1] = muscle, before[2] = white, before[3] = grey;
    }
    LowFieldSettings settings;
    settings.to_field = 0.55;
    CHECK(contains(complaint_of(settings), "no T1 at 0.55 T; give it by --to-t1"));
    settings.to_t1 = 500;
    CHECK(near(settings.make().field_ratio, 0.55 / 3.0, 1e-15));
    settings.from_field = 7;
    CHECK(contains(complaint_of(settings), "--from-t1"));
    // White matter at 3 T and 1.5 T, given in ms. The table is not read then.
    LowFieldSettings given = with(Tissue::white_matter, 30, 30);
    const double tabulated = given.make().signal_ratio;
    given.from_t1 = 1080;
    given.to_t1 = 780;
    CHECK(near(given.make().signal_ratio, tabulated, 1e-12));
    given.to_t1 = 1080;
    CHECK(near(given.make().signal_ratio, 1.0, 1e-12));
    given.tissue = Tissue::fat;
    CHECK(near(given.make().signal_ratio, 1.0, 1e-12));
    given.to_tr = 60;  // (1 − e^(−60/1080))/(1 − e^(−60/1080) cos 30°) over the same with 30
    const auto steady = [](double tr) {
        const double e1 = std::exp(-tr / 1080);
        return (1 - e1) / (1 - e1 * std::sqrt(0.75));
    };
    CHECK(near(given.make().signal_ratio, steady(60) / steady(30), 1e-12));
}

TEST_CASE("a low-field model that makes no sense is refused") {
    LowFieldSettings higher;  // b = 1 < a²f²
    higher.from_field = 1.5;
    higher.to_field = 3;
    CHECK(contains(complaint_of(higher), "would need less noise"));
    higher.to_bandwidth = 5;  // enough noise
    CHECK(higher.make().noise_factor() > 0);
    LowFieldSettings narrow;
    narrow.to_bandwidth = 0.2;
    CHECK(contains(complaint_of(narrow), "would need less noise"));
    for (double LowFieldSettings::*value :
         {&LowFieldSettings::from_field, &LowFieldSettings::to_field, &LowFieldSettings::tr,
          &LowFieldSettings::te, &LowFieldSettings::flip_angle, &LowFieldSettings::from_bandwidth,
          &LowFieldSettings::to_bandwidth, &LowFieldSettings::noise, &LowFieldSettings::to_t1})
        for (double bad : {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
            LowFieldSettings settings;
            settings.*value = bad;
            CHECK(complaint_of(settings).starts_with("low field: "));
        }
}

TEST_CASE("equal fields leave the k-space as it is") {
    LowFieldSettings same;
    same.to_field = same.from_field;
    const LowFieldModel model = same.make();
    const Image image = tissue_block();
    const ComplexImage k = fourier_transform(image);
    CHECK(low_field_spectrum(k, model, 0.02, {1, 2}).values == k.values);
    CHECK(largest_difference(simulate_low_field(image, model, 0.02, {1, 2}), image) < 1e-7);
}

TEST_CASE("the noise in tissue has the deviation that the fields imply") {
    const LowFieldModel model = LowFieldSettings{}.make();
    const Image clean = tissue_block();
    for (double sigma : {0.01, 0.02, 0.03}) {
        const Philox random{7, static_cast<std::uint64_t>(1000 * sigma)};
        const double added = deviation_in_tissue(clean, simulate_low_field(clean, model, sigma, random));
        CHECK(near(added / sigma, 1.7298, 0.03));  // 14400 pixels: the deviation is known to .6 %
        // An image that does contain noise of deviation σ: that and the added noise sum to a√b/(a²f) σ.
        Image noisy = clean;
        for (std::size_t i = 0; i < noisy.pixels.size(); ++i)
            noisy.pixels[i] += static_cast<float>(sigma * Philox{8, 9}.normal(i));
        const double whole = deviation_in_tissue(clean, simulate_low_field(noisy, model, sigma, random));
        CHECK(near(whole / sigma, 1.998, 0.035));
    }
}

TEST_CASE("magnitude images have a Rician background, and real noise halves the squared error") {
    LowFieldModel model = LowFieldSettings{}.make();
    const Image clean = tissue_block();
    const double sigma = 0.02, added = 1.7298 * sigma,
                 tissue = static_cast<double>(side * side) / (size * size);
    const double complex = mean_squared_error(clean, simulate_low_field(clean, model, sigma, {1, 2}));
    // The mean square of the magnitude of complex noise is twice its variance; in tissue one component
    // counts.
    const double expected = added * added * (tissue + 2 * (1 - tissue));
    CHECK(near(complex / expected, 1.0, 0.02));
    model.noise_type = NoiseType::real;
    const double real = mean_squared_error(clean, simulate_low_field(clean, model, sigma, {1, 2}));
    CHECK(near(complex / real, 2.0, 0.06));
    // The defect of the published code: the noise of an empty image is point-symmetric.
    const Image noise = simulate_low_field(Image(10, 7), model, sigma, {1, 2});
    for (int y = 0; y < 10; ++y)
        for (int x = 0; x < 7; ++x) CHECK(near(noise.at(y, x), noise.at((10 - y) % 10, (7 - x) % 7), 1e-9));
}

TEST_CASE("the simulated noise is a pure function of its stream") {
    const LowFieldModel model = LowFieldSettings{}.make();
    const Image image = tissue_block();
    const Image once = simulate_low_field(image, model, 0.02, {1, 2});
    CHECK(simulate_low_field(image, model, 0.02, {1, 2}).pixels == once.pixels);
    CHECK(simulate_low_field(image, model, 0.02, {1, 3}).pixels != once.pixels);
    CHECK(simulate_low_field(image, model, 0.02, {2, 2}).pixels != once.pixels);
}
