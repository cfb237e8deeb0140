#include "kernels/batch_norm.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/batch_norm.hpp"

using namespace dnsp;
using kernels::BatchNormShape;
using testing::Buffer;
using testing::On;

namespace {

template <class T>
std::vector<T> random(std::int64_t count, std::uint64_t seed, double low, double high) {
    return reference::cast<T>(reference::uniform(count, seed, low, high));
}

/// All passes over one image on one device.
template <class T>
struct Passes {
    BatchNormShape s;
    std::vector<T> x, dy;
    const std::vector<T> gamma = random<T>(s.channels, 3, 0.5, 2), beta = random<T>(s.channels, 4, -1, 1),
                         running_mean = random<T>(s.channels, 5, -1, 1),
                         running_variance = random<T>(s.channels, 6, 0.5, 2),
                         before = random<T>(s.elements(), 7, -1, 1);

    struct Results {
        std::vector<double> mean, inverse_deviation, sums;
        std::vector<T> running_mean, running_variance, output, inferred;
        std::vector<T> gamma_gradient, beta_gradient, input_gradient, accumulated;
    };
    Results on(On where) const {
        const std::int64_t c = s.channels, n = s.elements();
        Buffer<T> input(where, x), gammas(where, gamma), betas(where, beta), gradient(where, dy);
        Buffer<T> mean_(where, running_mean), variance(where, running_variance), output(where, n),
            inferred(where, n);
        Buffer<double> mean(where, c), inverse(where, c), sums(where, 2 * c);
        Buffer<T> dgamma(where, c), dbeta(where, c), dx(where, n), accumulated(where, before);
        DNSP_KERNEL(where, batch_norm_inference, T)
        (s, input.data(), mean_.data(), variance.data(), gammas.data(), betas.data(), inferred.data());
        DNSP_KERNEL(where, batch_norm_statistics, T)
        (s, input.data(), mean.data(), inverse.data(), mean_.data(), variance.data());
        DNSP_KERNEL(where, batch_norm_forward, T)
        (s, input.data(), mean.data(), inverse.data(), gammas.data(), betas.data(), output.data());
        DNSP_KERNEL(where, batch_norm_backward_parameters, T)
        (s, input.data(), mean.data(), inverse.data(), gradient.data(), sums.data(), dgamma.data(),
         dbeta.data());
        const auto backward_input = DNSP_KERNEL(where, batch_norm_backward_input, T);
        backward_input(s, input.data(), mean.data(), inverse.data(), gammas.data(), sums.data(),
                       gradient.data(), nullptr, dx.data());
        backward_input(s, input.data(), mean.data(), inverse.data(), gammas.data(), sums.data(),
                       gradient.data(), accumulated.data(), accumulated.data());
        for (const Buffer<T>* buffer :
             {&mean_, &variance, &output, &inferred, &dgamma, &dbeta, &dx, &accumulated})
            CHECK(buffer->fences_intact());
        CHECK((mean.fences_intact() && inverse.fences_intact() && sums.fences_intact()));
        return {mean.values(),     inverse.values(), sums.values(),       mean_.values(),
                variance.values(), output.values(),  inferred.values(),   dgamma.values(),
                dbeta.values(),    dx.values(),      accumulated.values()};
    }
};

std::vector<double> blend(double momentum, const std::vector<double>& running,
                          const std::vector<double>& batch) {
    std::vector<double> out;
    for (std::size_t i = 0; i < running.size(); ++i)
        out.push_back((1 - momentum) * running[i] + momentum * batch[i]);
    return out;
}

template <class T>
void check(On where, std::int64_t pixels, std::int64_t channels, double offset) {
    INFO(pixels << " pixels, " << channels << " channels, offset " << offset
                << (sizeof(T) == 4 ? ", float32" : ", float64"));
    const BatchNormShape s{.pixels = pixels, .channels = channels};
    const std::int64_t n = s.elements();
    const Passes<T> passes{s, random<T>(n, 1, offset - 1, offset + 1), random<T>(n, 2, -1, 1)};
    const auto result = passes.on(where);
    const auto expected = reference::batch_norm(pixels, channels, s.epsilon, reference::widen(passes.x),
                                                reference::widen(passes.gamma), reference::widen(passes.beta),
                                                reference::widen(passes.dy));
    // x − μ cancels, so its error is relative to the offset.
    const double bound = (sizeof(T) == 4 ? 1e-6 : 1e-13) * (1 + std::abs(offset));
    const auto near = [&](const auto& values, const std::vector<double>& wanted) {
        std::vector<double> difference = wanted;
        for (std::size_t i = 0; i < wanted.size(); ++i) difference[i] -= static_cast<double>(values.at(i));
        return reference::norm(difference) <=
               bound * (reference::norm(wanted) + std::sqrt(static_cast<double>(wanted.size())));
    };
    CHECK(near(result.mean, expected.mean));
    std::vector<double> deviation, variance, inferred, accumulated = expected.input_gradient;
    for (const double inverse : result.inverse_deviation) {
        variance.push_back(1 / (inverse * inverse) - s.epsilon);
    }
    CHECK(near(variance, expected.biased_variance));
    CHECK(near(result.running_mean, blend(s.momentum, reference::widen(passes.running_mean), expected.mean)));
    CHECK(near(result.running_variance,
               blend(s.momentum, reference::widen(passes.running_variance), expected.unbiased_variance)));
    CHECK(near(result.output, expected.output));
    CHECK(near(result.gamma_gradient, expected.gamma_gradient));
    CHECK(near(result.beta_gradient, expected.beta_gradient));
    CHECK(near(result.input_gradient, expected.input_gradient));
    for (std::size_t i = 0; i < passes.x.size(); ++i) {
        const auto c = i % static_cast<std::size_t>(channels);
        accumulated[i] += static_cast<double>(passes.before[i]);
        inferred.push_back(
            passes.gamma[c] *
                (static_cast<double>(passes.x[i]) - static_cast<double>(passes.running_mean[c])) /
                std::sqrt(static_cast<double>(passes.running_variance[c]) + s.epsilon) +
            passes.beta[c]);
    }
    CHECK(near(result.accumulated, accumulated));
    CHECK(near(result.inferred, inferred));
    auto sums = expected.beta_gradient;
    sums.insert(sums.end(), expected.gamma_gradient.begin(), expected.gamma_gradient.end());
    CHECK(near(result.sums, sums));
}

/// Channels that fill warps and that do not; one part and several, the last one partial.
void check_all(On where, std::int64_t max_pixels) {
    for (const auto& [pixels, channels] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {1, 1}, {1, 5}, {2, 3}, {7, 33}, {65, 32}, {300, 48}, {1537, 7}, {70001, 3}}) {
        if (pixels > max_pixels) continue;
        for (const double offset : {0.0, 100.0}) {
            check<float>(where, pixels, channels, offset);
            check<double>(where, pixels, channels, offset);
        }
    }
}

/// Without variance the output is β and the gradient is finite. A single pixel has zero gradient.
template <class T>
void check_constant(On where) {
    for (const std::int64_t pixels : {1, 6, 700}) {
        const BatchNormShape s{.pixels = pixels, .channels = 3};
        std::vector<T> x;
        for (std::int64_t p = 0; p < pixels; ++p) x.insert(x.end(), {T(0.1), T(-3.7), T(0)});
        const Passes<T> passes{s, x, random<T>(s.elements(), 2, -1, 1)};
        const auto result = passes.on(where);
        CHECK(result.mean == std::vector<double>(x.begin(), x.begin() + 3));
        for (const double inverse : result.inverse_deviation) CHECK(inverse == 1 / std::sqrt(1e-5));
        for (std::size_t i = 0; i < x.size(); ++i) {
            CHECK(std::abs(result.output[i] - passes.beta[i % 3]) <= (sizeof(T) == 4 ? 1e-4 : 1e-13));
            CHECK(std::isfinite(result.input_gradient[i]));
        }
        CHECK(reference::norm(result.gamma_gradient) == 0);
        CHECK((reference::norm(result.input_gradient) == 0) == (pixels == 1));
        for (std::size_t c = 0; c < 3; ++c)
            CHECK(std::abs(result.running_variance[c] - 0.9 * passes.running_variance[c]) <= 1e-7);
    }
}

/// NaN reaches all outputs of its channel and no other channel.
void check_nan(On where) {
    const BatchNormShape s{.pixels = 50, .channels = 2};
    auto x = random<float>(100, 1, -1, 1);
    x[40] = std::numeric_limits<float>::quiet_NaN();
    const auto result = Passes<float>{s, x, random<float>(100, 2, -1, 1)}.on(where);
    for (std::size_t i = 0; i < 100; ++i) CHECK(std::isnan(result.output[i]) == (i % 2 == 0));
    CHECK(std::isnan(result.running_variance[0]));
    CHECK(std::isfinite(result.running_variance[1]));
}

/// A pixel is bitwise identical alone and among others.
void check_pixels(On where) {
    const BatchNormShape s{.pixels = 200, .channels = 37};
    const Passes<float> all{s, random<float>(s.elements(), 1, -1, 1), random<float>(s.elements(), 2, -1, 1)};
    const auto whole = all.on(where).inferred;
    for (const std::int64_t pixel : {0, 7, 199}) {
        const auto begin = all.x.begin() + pixel * s.channels;
        const Passes<float> one{
            {.pixels = 1, .channels = s.channels}, {begin, begin + s.channels}, std::vector<float>(37)};
        const auto expected = whole.begin() + pixel * s.channels;
        CHECK(reference::same_bits(one.on(where).inferred,
                                   std::vector<float>(expected, expected + s.channels)));
    }
}

}  // namespace

TEST_CASE("batch normalisation agrees with its definition") {
    testing::on_device([](On where) { check_all(where, 400); });
    check_all(testing::device_under_test(), 100000);
}

TEST_CASE("batch normalisation of constant channels and of single pixels") {
    check_constant<float>(testing::device_under_test());
    check_constant<double>(testing::device_under_test());
}

TEST_CASE("batch normalisation keeps a NaN") { check_nan(testing::device_under_test()); }

TEST_CASE("batch normalisation at inference depends on the pixel alone") {
    check_pixels(testing::device_under_test());
}
