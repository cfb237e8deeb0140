#include "kernels/filter_variance.hpp"

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/filter_response.hpp"

using namespace dnsp;
using kernels::Border;
using kernels::FilterVarianceShape;
using reference::GuardedBuffer;

namespace {

const std::vector<FilterVarianceShape> cases{
    {1, 3, 4, 1, 3, Border::valid},   {1, 1, 2, 1, 3, Border::zero},   {1, 5, 6, 1, 5, Border::valid},
    {2, 9, 7, 1, 3, Border::valid},   {2, 9, 7, 1, 3, Border::zero},   {3, 8, 13, 8, 3, Border::valid},
    {3, 8, 13, 8, 3, Border::zero},   {2, 11, 6, 8, 5, Border::valid}, {2, 4, 3, 8, 5, Border::zero},
    {1, 40, 40, 8, 3, Border::valid}, {2, 7, 5, 3, 1, Border::valid},
};

template <class T>
void check(const FilterVarianceShape& s, double bound) {
    INFO(s.batch << " images of " << s.height << "×" << s.width << ", " << s.filters << " filters of side "
                 << s.kernel << (s.border == Border::zero ? ", zero border" : ", valid"));
    const std::int64_t pixels = s.batch * s.height * s.width, taps = s.filters * s.taps();
    const auto images = reference::cast<T>(reference::uniform(pixels, 1, 0, 1));
    const auto weights = reference::cast<T>(reference::uniform(taps, 2));
    const auto expected = reference::filter_variance(s, reference::widen(images), reference::widen(weights));
    GuardedBuffer<double> value(s.batch);
    GuardedBuffer<T> image_gradient(pixels), filter_gradient(taps);
    kernels::cpu::filter_variance<T>(s, images.data(), weights.data(), value.data(), image_gradient.data(),
                                     filter_gradient.data());
    CHECK((value.fences_intact() && image_gradient.fences_intact() && filter_gradient.fences_intact()));
    CHECK(reference::relative_error(value.values(), expected.value) <= bound);
    CHECK(reference::relative_error(image_gradient.values(), expected.image_gradient) <= bound);
    CHECK(reference::relative_error(filter_gradient.values(), expected.filter_gradient) <= bound);

    GuardedBuffer<double> value_alone(s.batch);
    GuardedBuffer<T> gradient_alone(pixels);
    kernels::cpu::filter_variance<T>(s, images.data(), weights.data(), value_alone.data(),
                                     gradient_alone.data(), nullptr);
    CHECK(value_alone.values() == value.values());
    CHECK(gradient_alone.values() == image_gradient.values());
}

/// Smooth structure of slowly varying brightness, as anatomy is, with `sharpness` of fine detail.
std::vector<double> picture(std::int64_t side, double sharpness) {
    std::vector<double> out = reference::uniform(side * side, 3, -sharpness, sharpness);
    for (std::int64_t y = 0; y < side; ++y)
        for (std::int64_t x = 0; x < side; ++x)
            out[static_cast<std::size_t>(y * side + x)] +=
                0.5 + 0.2 * std::sin(0.2 * static_cast<double>(y)) * std::cos(0.15 * static_cast<double>(x));
    return out;
}

double laplacian_variance(const std::vector<double>& image, std::int64_t side, double scale, Border border) {
    const std::vector<double> filter{0, -scale, 0, -scale, 4 * scale, -scale, 0, -scale, 0};
    double value = 0;
    std::vector<double> gradient(image.size());
    kernels::cpu::filter_variance<double>({1, side, side, 1, 3, border}, image.data(), filter.data(), &value,
                                          gradient.data(), nullptr);
    return value;
}

}  // namespace

TEST_CASE("filter_variance agrees with the definition of V_mod and of its gradients") {
    for (const auto& shape : cases) {
        check<double>(shape, 1e-12);
        check<float>(shape, 1e-5);
    }
}

TEST_CASE("filter_variance of a constant image is zero where no border shows") {
    const std::vector<float> image(30, 0.7f), filters{0, -1, 0, -1, 4, -1, 0, -1, 0};
    double value = -1;
    std::vector<float> gradient(30, 5.0f);
    kernels::cpu::filter_variance<float>({1, 5, 6, 1, 3, Border::valid}, image.data(), filters.data(), &value,
                                         gradient.data(), nullptr);
    CHECK(value < 1e-12);
    CHECK(reference::norm(gradient) < 1e-5);
    kernels::cpu::filter_variance<float>({1, 5, 6, 1, 3, Border::zero}, image.data(), filters.data(), &value,
                                         gradient.data(), nullptr);
    CHECK(value > 0.1);
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
