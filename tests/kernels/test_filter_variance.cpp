#include "kernels/filter_variance.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/filter_response.hpp"

using namespace dnsp;
using kernels::Border;
using kernels::FilterVarianceShape;
using testing::Buffer;
using testing::On;

namespace {

const std::vector<FilterVarianceShape> cases{
    {1, 3, 4, 1, 3, Border::valid},   {1, 1, 2, 1, 3, Border::zero},   {1, 5, 6, 1, 5, Border::valid},
    {2, 9, 7, 1, 3, Border::valid},   {2, 9, 7, 1, 3, Border::zero},   {3, 8, 13, 8, 3, Border::valid},
    {3, 8, 13, 8, 3, Border::zero},   {2, 11, 6, 8, 5, Border::valid}, {2, 4, 3, 8, 5, Border::zero},
    {1, 40, 40, 8, 3, Border::valid}, {2, 7, 5, 3, 1, Border::valid},  {2, 8, 9, 2, 7, Border::valid},
    {2, 3, 4, 2, 7, Border::zero},    {0, 5, 5, 2, 3, Border::valid},
};

/// Images that exceed the shared memory of a block, the first in float64 only. One has windows without a
/// response, one has more windows than a block has threads.
const std::vector<FilterVarianceShape> large_cases{
    {1, 61, 59, 1, 3, Border::valid}, {2, 65, 98, 2, 3, Border::valid}, {1, 98, 75, 1, 3, Border::zero},
    {1, 99, 65, 1, 5, Border::valid}, {1, 67, 97, 1, 7, Border::zero},  {1, 64, 96, 1, 3, Border::valid},
    {1, 71, 99, 1, 1, Border::valid},
};
/// More windows than a block has threads.
const FilterVarianceShape many_windows{1, 1, 9601, 1, 3, Border::zero};

template <class T>
void check(On where, const FilterVarianceShape& s, double bound) {
    INFO(s.batch << " images of " << s.height << "×" << s.width << ", " << s.filters << " filters of side "
                 << s.kernel << (s.border == Border::zero ? ", zero border" : ", valid"));
    const std::int64_t pixels = s.batch * s.height * s.width, taps = s.filters * s.taps();
    const auto image_values = reference::cast<T>(reference::uniform(pixels, 1, 0, 1));
    const auto weight_values = reference::cast<T>(reference::uniform(taps, 2));
    const auto expected =
        reference::filter_variance(s, reference::widen(image_values), reference::widen(weight_values));
    Buffer<T> images(where, image_values), weights(where, weight_values);
    Buffer<double> value(where, s.batch);
    Buffer<T> image_gradient(where, pixels), filter_gradient(where, taps);
    DNSP_KERNEL(where, filter_variance, T)
    (s, images.data(), weights.data(), value.data(), image_gradient.data(), filter_gradient.data());
    CHECK((value.fences_intact() && image_gradient.fences_intact() && filter_gradient.fences_intact()));
    CHECK(reference::relative_error(value.values(), expected.value) <= bound);
    CHECK(reference::relative_error(image_gradient.values(), expected.image_gradient) <= bound);
    CHECK(reference::relative_error(filter_gradient.values(), expected.filter_gradient) <= bound);

    Buffer<double> value_alone(where, s.batch);
    Buffer<T> gradient_alone(where, pixels);
    DNSP_KERNEL(where, filter_variance, T)
    (s, images.data(), weights.data(), value_alone.data(), gradient_alone.data(), nullptr);
    CHECK(reference::same_bits(value_alone.values(), value.values()));
    CHECK(reference::same_bits(gradient_alone.values(), image_gradient.values()));
}

template <class T>
constexpr double bound = 1e-12;
template <>
constexpr double bound<float> = 1e-5;

/// V of `batch` images with one filter.
template <class T>
std::vector<double> variance(On where, const FilterVarianceShape& s, const std::vector<T>& images,
                             const std::vector<T>& filter) {
    Buffer<T> y(where, images), w(where, filter), gradient(where, static_cast<std::int64_t>(images.size()));
    Buffer<double> value(where, s.batch);
    DNSP_KERNEL(where, filter_variance, T)(s, y.data(), w.data(), value.data(), gradient.data(), nullptr);
    return value.values();
}

/// The mean response is 100 (float32) or 1 000 000 (float64) times its deviation.
void check_bright_images(On where) {
    for (const auto& [height, width] : {std::pair{21, 18}, {81, 97}}) {
        const FilterVarianceShape s{2, height, width, 1, 3, Border::valid};
        INFO(height << "×" << width);
        const std::int64_t pixels = s.batch * s.height * s.width;
        const std::vector<double> mean_filter(9, 1.0 / 9);
        const auto in_float = reference::cast<float>(reference::uniform(pixels, 4, 10, 11));
        const auto filter = reference::cast<float>(mean_filter);
        CHECK(
            reference::relative_error(
                variance<float>(where, s, in_float, filter),
                reference::filter_variance(s, reference::widen(in_float), reference::widen(filter)).value) <=
            1e-5);
        const auto in_double = reference::uniform(pixels, 4, 1e5, 1e5 + 1);
        CHECK(reference::relative_error(variance<double>(where, s, in_double, mean_filter),
                                        reference::filter_variance(s, in_double, mean_filter).value) <= 1e-9);
    }
}

void check_constant_image(On where) {
    const std::vector<float> filter{0, -1, 0, -1, 4, -1, 0, -1, 0};
    Buffer<float> image(where, std::vector<float>(30, 0.7f)), weights(where, filter), gradient(where, 30);
    Buffer<double> value(where, 1);
    DNSP_KERNEL(where, filter_variance, float)
    ({1, 5, 6, 1, 3, Border::valid}, image.data(), weights.data(), value.data(), gradient.data(), nullptr);
    CHECK(value.values()[0] < 1e-12);
    CHECK(reference::norm(gradient.values()) < 1e-5);
    CHECK(variance<float>(where, {1, 5, 6, 1, 3, Border::zero}, image.values(), filter)[0] > 0.1);
}

/// Anatomy-like: smooth structure of slowly varying brightness, plus fine detail of amplitude `sharpness`.
std::vector<double> picture(std::int64_t side, double sharpness) {
    std::vector<double> out = reference::uniform(side * side, 3, -sharpness, sharpness);
    for (std::int64_t y = 0; y < side; ++y)
        for (std::int64_t x = 0; x < side; ++x)
            out[static_cast<std::size_t>(y * side + x)] +=
                0.5 + 0.2 * std::sin(0.2 * static_cast<double>(y)) * std::cos(0.15 * static_cast<double>(x));
    return out;
}

double laplacian_variance(const std::vector<double>& image, std::int64_t side, double scale, Border border) {
    return variance<double>(testing::device_under_test(), {1, side, side, 1, 3, border}, image,
                            {0, -scale, 0, -scale, 4 * scale, -scale, 0, -scale, 0})[0];
}

}  // namespace

TEST_CASE("filter_variance agrees with the definition of V_mod and of its gradients") {
    testing::on_device([](On where) {
        for (const auto& shape : cases) {
            check<double>(where, shape, bound<double>);
            check<float>(where, shape, bound<float>);
        }
    });
}

TEST_CASE("filter_variance supports images larger than a block's shared memory") {
    testing::on_device([](On where) {
        for (const auto& shape : large_cases) check<float>(where, shape, bound<float>);
    });
    const On where = testing::device_under_test();
    for (const auto& shape : large_cases) check<double>(where, shape, bound<double>);
    check<float>(where, many_windows, bound<float>);
}

TEST_CASE("filter_variance keeps V where the mean response is large") {
    testing::on_device(check_bright_images);
}

TEST_CASE("filter_variance of a constant image is zero where no border shows") {
    testing::on_device(check_constant_image);
}

TEST_CASE("zero padding inflates V, more so on a smooth image than on a sharp one") {
    const auto inflation = [](double sharpness) {
        const auto image = picture(40, sharpness);
        return laplacian_variance(image, 40, 0.25, Border::zero) /
               laplacian_variance(image, 40, 0.25, Border::valid);
    };
    CHECK(inflation(0.05) > 2);
    CHECK(inflation(0.01) > 4 * inflation(0.05));
}

TEST_CASE("V by L is sixteen times V by L/4") {
    const auto image = picture(20, 0.1);
    for (Border border : {Border::valid, Border::zero})
        CHECK(std::abs(laplacian_variance(image, 20, 1.0, border) /
                           laplacian_variance(image, 20, 0.25, border) -
                       16) < 1e-10);
}
