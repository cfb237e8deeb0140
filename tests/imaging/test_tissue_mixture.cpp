#include "imaging/tissue_mixture.hpp"

#include "base/philox.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp;
using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

bool near(double value, double expected, double bound) { return std::abs(value - expected) <= bound; }

struct Normal {
    int count;
    double mean, deviation;
};

/// Sums of twelve uniform numbers of a linear congruential generator, so that Python can compute the same
/// values.
std::vector<float> samples(const std::vector<Normal>& classes) {
    std::uint32_t state = 12345;
    const auto uniform = [&] {
        state = 1664525u * state + 1013904223u;
        return (state + 0.5) * 0x1p-32;
    };
    std::vector<float> values;
    for (const Normal& normal : classes)
        for (int i = 0; i < normal.count; ++i) {
            double sum = 0.0;
            for (int k = 0; k < 12; ++k) sum += uniform();
            values.push_back(static_cast<float>(normal.mean + normal.deviation * (sum - 6)));
        }
    return values;
}

}  // namespace

TEST_CASE("the fit of a tissue mixture agrees with scikit-learn's") {
    // x: the values of samples() above .1, in float64. scikit-learn 1.9.1:
    //   GaussianMixture(3, covariance_type="spherical", weights_init=[1 / 3] * 3,
    //       means_init=np.percentile(x, [15, 50, 85])[:, None], precisions_init=[1 / x.var()] * 3,
    //       tol=1e-7, max_iter=200, reg_covar=0).fit(x[:, None])
    const TissueMixture mixture =
        fit_tissue_mixture(samples({{600, 0.25, 0.06}, {1400, 0.52, 0.05}, {1000, 0.8, 0.04}}), "values");
    CHECK(mixture.iterations == 30);
    const std::array<TissueMixture::Class, 3> expected = {{{0.19860017, 0.24941595, 0.00322427},
                                                           {0.46741651, 0.51893874, 0.00247438},
                                                           {0.33398332, 0.79898752, 0.00150729}}};
    for (std::size_t k = 0; k < 3; ++k) {
        CHECK(near(mixture.classes[k].weight, expected[k].weight, 1e-6));
        CHECK(near(mixture.classes[k].mean, expected[k].mean, 1e-6));
        CHECK(near(mixture.classes[k].variance, expected[k].variance, 1e-6));
    }
    // predict_proba()
    CHECK(near(mixture.posteriors(0.4f)[0], 0.161637299, 1e-4));
    CHECK(near(mixture.posteriors(0.4f)[1], 0.838362701, 1e-4));
    CHECK(near(mixture.posteriors(0.65f)[2], 0.0183319919, 1e-5));
    CHECK(near(mixture.posteriors(0.7f)[1], 0.0360598022, 1e-5));
}

TEST_CASE("the fit recovers the parameters of a mixture that is known") {
    const TissueMixture mixture =
        fit_tissue_mixture(samples({{20000, 0.3, 0.03}, {50000, 0.55, 0.04}, {30000, 0.8, 0.03}}), "values");
    const std::array<TissueMixture::Class, 3> expected = {
        {{0.2, 0.3, 0.03 * 0.03}, {0.5, 0.55, 0.04 * 0.04}, {0.3, 0.8, 0.03 * 0.03}}};
    for (std::size_t k = 0; k < 3; ++k) {
        CHECK(near(mixture.classes[k].weight, expected[k].weight, 0.005));
        CHECK(near(mixture.classes[k].mean, expected[k].mean, 0.002));
        CHECK(near(std::sqrt(mixture.classes[k].variance / expected[k].variance), 1.0, 0.02));
    }
}

TEST_CASE("the classes of a phantom with the contrast of T1 are fluid, grey and white matter") {
    // Concentric discs: white matter in grey matter in fluid in an empty background.
    const std::array<double, 3> intensity = {0.28, 0.58, 0.85};
    std::vector<float> pixels;
    std::vector<int> labels;
    for (int y = -60; y < 60; ++y)
        for (int x = -60; x < 60; ++x) {
            const int radius = x * x + y * y;
            labels.push_back(radius < 35 * 35 ? 2 : radius < 50 * 50 ? 1 : radius < 55 * 55 ? 0 : -1);
            pixels.push_back(labels.back() < 0
                                 ? 0.0f
                                 : static_cast<float>(intensity[static_cast<std::size_t>(labels.back())] +
                                                      0.05 * Philox{5, 6}.normal(pixels.size())));
        }
    const TissueMixture mixture = fit_tissue_mixture(pixels, "phantom");
    int correct = 0, tissue = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        const auto p = mixture.posteriors(pixels[i]);
        if (labels[i] < 0) {
            CHECK(p == std::array<float, 3>{0, 0, 0});
            continue;
        }
        ++tissue;
        correct += std::max_element(p.begin(), p.end()) - p.begin() == labels[i];
        CHECK((pixels[i] <= tissue_level || near(p[0] + p[1] + p[2], 1.0, 1e-6)));
    }
    CHECK(correct > 0.98 * tissue);
}

TEST_CASE("variances of a tissue mixture have a lower bound") {
    std::vector<float> values(300, 0.2f);
    std::fill_n(values.begin() + 100, 100, 0.5f);
    std::fill_n(values.begin() + 200, 100, 0.8f);
    for (const auto& c : fit_tissue_mixture(values, "values").classes) {
        CHECK(c.variance == 1e-5);
        CHECK(near(c.weight, 1.0 / 3.0, 1e-6));
    }
}

TEST_CASE("intensities without three tissues are refused") {
    CHECK(contains(complaint([] { fit_tissue_mixture({}, "a.nii"); }), "a.nii: has too few"));
    const std::vector<float> equal(50, 0.5f), dark(50, 0.05f);
    CHECK(contains(complaint([&] { fit_tissue_mixture(equal, "a.nii"); }), "too few"));
    CHECK(contains(complaint([&] { fit_tissue_mixture(dark, "a.nii"); }), "too few"));
}

TEST_CASE("pixels show tissue if half of their neighbours do") {
    Image slice(5, 5);
    slice.at(2, 2) = 1.0f;
    CHECK(tissue_pixels(slice) == 0);
    for (int y = 1; y <= 3; ++y)
        for (int x = 1; x <= 3; ++x) slice.at(y, x) = 1.0f;
    CHECK(tissue_pixels(slice) == 5);  // a corner has three neighbours
}

TEST_CASE("a volume whose tissue fills more than a brain is not skull-stripped") {
    // 50 slices of 1 mm³ voxels with a square of three tissues.
    const auto slices = [](int side, double noise) {
        std::vector<Image> all;
        for (int z = 0; z < 50; ++z) {
            Image slice(300, 300);
            const Philox random{1, static_cast<std::uint64_t>(z)};
            for (int y = 0; y < 300; ++y)
                for (int x = 0; x < 300; ++x) {
                    const auto i = static_cast<std::uint64_t>(y * 300 + x);
                    const double value =
                        y < side && x < side ? 300 + 250 * (x % 3) + 10.0 * random.normal(2 * i) : 0.0;
                    slice.at(y, x) =
                        static_cast<float>(std::hypot(value, 1000 * noise * random.normal(2 * i + 1)));
                }
            all.push_back(std::move(slice));
        }
        return all;
    };
    const Normalisation normalisation{0.0f, 1000.0f};
    const auto brain = slices(190, 0.0), head = slices(220, 0.0), noisy_brain = slices(190, 0.08);
    const TissueMixture mixture = fit_tissue_mixture(brain, normalisation, 1.0, "brain.nii");
    CHECK(near(mixture.classes[0].mean, 0.3, 0.001));
    CHECK(near(mixture.classes[2].mean, 0.8, 0.001));
    CHECK(contains(complaint([&] { fit_tissue_mixture(head, normalisation, 1.0, "head.nii"); }),
                   "head.nii: is not skull-stripped (tissue fills 2.42 litres"));
    fit_tissue_mixture(head, normalisation, 0.5, "voxels of half the size.nii");
    // A fifth of the background of this brain is above a tenth of the range.
    fit_tissue_mixture(noisy_brain, normalisation, 1.0, "noisy brain.nii");
}
