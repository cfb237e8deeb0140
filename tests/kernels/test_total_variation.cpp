#include "kernels/total_variation.hpp"

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/total_variation.hpp"

using namespace dnsp;
using reference::GuardedBuffer;

namespace {

template <class T>
void check(std::int64_t batch, std::int64_t height, std::int64_t width, double epsilon, double bound) {
    INFO(batch << " images of " << height << "×" << width << ", epsilon " << epsilon);
    const std::int64_t pixels = height * width;
    const auto images = reference::cast<T>(reference::uniform(batch * pixels, 1, 0, 1));
    GuardedBuffer<double> value(batch);
    GuardedBuffer<T> gradient(batch * pixels);
    kernels::cpu::total_variation<T>({batch, height, width, epsilon}, images.data(), value.data(),
                                     gradient.data());
    CHECK((value.fences_intact() && gradient.fences_intact()));

    std::vector<double> values, gradients;
    for (std::int64_t b = 0; b < batch; ++b) {
        const std::vector<double> image(images.begin() + b * pixels, images.begin() + (b + 1) * pixels);
        const auto one = reference::total_variation(height, width, epsilon, image);
        values.push_back(one.value);
        gradients.insert(gradients.end(), one.gradient.begin(), one.gradient.end());
    }
    CHECK(reference::relative_error(value.values(), values) <= bound);
    CHECK(reference::relative_error(gradient.values(), gradients) <= bound);
}

}  // namespace

TEST_CASE("total_variation agrees with its definition") {
    for (double epsilon : {1e-3, 1e-1}) {
        for (const auto& [batch, height, width] : std::vector<std::array<std::int64_t, 3>>{
                 {1, 1, 1}, {1, 1, 7}, {2, 6, 1}, {1, 2, 2}, {3, 9, 13}, {1, 40, 40}}) {
            check<double>(batch, height, width, epsilon, 1e-12);
            check<float>(batch, height, width, epsilon, 1e-5);
        }
    }
}

TEST_CASE("total_variation of a constant is zero, of a step its height times its length") {
    std::vector<double> image(48, 0.3), gradient(48);
    double value = -1;
    kernels::cpu::total_variation<double>({1, 6, 8, 1e-6}, image.data(), &value, gradient.data());
    CHECK(value == 0);
    CHECK(reference::norm(gradient) == 0);
    for (std::size_t i = 0; i < 24; ++i) image[i] = 0.8;  // the upper three rows
    kernels::cpu::total_variation<double>({1, 6, 8, 1e-6}, image.data(), &value, gradient.data());
    CHECK(std::abs(value - 8 * 0.5) < 1e-4);
}
