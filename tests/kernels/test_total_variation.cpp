#include "kernels/total_variation.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/total_variation.hpp"

using namespace dnsp;
using testing::Buffer;
using testing::On;

namespace {

template <class T>
void check(On where, std::int64_t batch, std::int64_t height, std::int64_t width, double epsilon,
           double bound) {
    INFO(batch << " images of " << height << "×" << width << ", epsilon " << epsilon);
    const std::int64_t pixels = height * width;
    const auto values = reference::cast<T>(reference::uniform(batch * pixels, 1, 0, 1));
    Buffer<T> images(where, values), gradient(where, batch * pixels);
    Buffer<double> value(where, batch);
    DNSP_KERNEL(where, total_variation, T)
    ({batch, height, width, epsilon}, images.data(), value.data(), gradient.data());
    CHECK((value.fences_intact() && gradient.fences_intact()));

    std::vector<double> expected, gradients;
    for (std::int64_t b = 0; b < batch; ++b) {
        const std::vector<double> image(values.begin() + b * pixels, values.begin() + (b + 1) * pixels);
        const auto one = reference::total_variation(height, width, epsilon, image);
        expected.push_back(one.value);
        gradients.insert(gradients.end(), one.gradient.begin(), one.gradient.end());
    }
    CHECK(reference::relative_error(value.values(), expected) <= bound);
    CHECK(reference::relative_error(gradient.values(), gradients) <= bound);
}

/// The last three fill several blocks, one of them by a single pixel, and more blocks than a warp has lanes.
void check_all(On where) {
    const std::vector<std::array<std::int64_t, 3>> sizes{{0, 3, 4},   {1, 1, 1},    {1, 1, 7},   {2, 6, 1},
                                                         {1, 2, 2},   {3, 9, 13},   {1, 40, 40}, {2, 41, 25},
                                                         {3, 61, 37}, {1, 263, 131}};
    for (double epsilon : {1e-3, 1e-1})
        for (const auto& [batch, height, width] : sizes) {
            check<double>(where, batch, height, width, epsilon, 1e-12);
            check<float>(where, batch, height, width, epsilon, 1e-5);
        }
}

void check_known_images(On where) {
    std::vector<double> pixels(48, 0.3);
    Buffer<double> constant(where, pixels), gradient(where, 48), value(where, 1);
    const auto total_variation = DNSP_KERNEL(where, total_variation, double);
    total_variation({1, 6, 8, 1e-6}, constant.data(), value.data(), gradient.data());
    CHECK(value.values()[0] == 0);
    CHECK(reference::norm(gradient.values()) == 0);
    for (std::size_t i = 0; i < 24; ++i) pixels[i] = 0.8;  // the upper three rows
    Buffer<double> step(where, pixels);
    total_variation({1, 6, 8, 1e-6}, step.data(), value.data(), gradient.data());
    CHECK(std::abs(value.values()[0] - 8 * 0.5) < 1e-4);
}

}  // namespace

TEST_CASE("total_variation agrees with its definition") { testing::on_device(check_all); }

TEST_CASE("total_variation of a constant is zero, of a step its height times its length") {
    testing::on_device(check_known_images);
}
