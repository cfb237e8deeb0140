#include "kernels/pixel_shuffle.hpp"

#include <numeric>

#include "tests/kernels/determinism.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using kernels::PixelShuffleShape;
using testing::Buffer;
using testing::On;

namespace {

/// 0, 1, … count − 1
template <class T>
std::vector<T> counted(std::int64_t count) {
    std::vector<T> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), T(0));
    return values;
}

/// Compares with the definition in pixel_shuffle.hpp, from high to low resolution and back.
template <class T>
void check_definition(On where, const PixelShuffleShape& s) {
    INFO(s.batch << "×" << s.height << "×" << s.width << "×" << s.channels << ", factor " << s.factor);
    const auto high_values = reference::cast<T>(reference::uniform(s.elements(), 1));
    const std::int64_t f = s.factor, low_height = (s.height + f - 1) / f, low_width = (s.width + f - 1) / f,
                       low_count = s.batch * low_height * low_width * f * f * s.channels;
    REQUIRE(s.low_elements() == low_count);
    std::vector<T> expected(static_cast<std::size_t>(low_count), T(0));
    for (std::int64_t n = 0; n < s.batch; ++n)
        for (std::int64_t y = 0; y < s.height; ++y)
            for (std::int64_t x = 0; x < s.width; ++x)
                for (std::int64_t c = 0; c < s.channels; ++c) {
                    const std::int64_t channel = f * f * c + f * (y % f) + x % f,
                                       pixel = (n * low_height + y / f) * low_width + x / f;
                    expected[static_cast<std::size_t>(pixel * f * f * s.channels + channel)] =
                        high_values[static_cast<std::size_t>(((n * s.height + y) * s.width + x) * s.channels +
                                                             c)];
                }
    Buffer<T> high(where, high_values), low(where, low_count), restored(where, s.elements());
    DNSP_KERNEL(where, pixel_unshuffle, T)(s, high.data(), low.data());
    CHECK(low.values() == expected);
    DNSP_KERNEL(where, pixel_shuffle, T)(s, low.data(), restored.data());
    CHECK(restored.values() == high_values);
    CHECK((low.fences_intact() && restored.fences_intact()));
}

template <class T>
void check_definitions(On where) {
    for (const PixelShuffleShape& s : {PixelShuffleShape{1, 1, 1, 1, 1}, PixelShuffleShape{2, 5, 3, 2, 1},
                                       PixelShuffleShape{1, 4, 6, 1, 2}, PixelShuffleShape{2, 5, 7, 1, 2},
                                       PixelShuffleShape{3, 7, 8, 2, 3}, PixelShuffleShape{1, 2, 9, 3, 4},
                                       PixelShuffleShape{0, 4, 4, 1, 2}})
        check_definition<T>(where, s);
}

/// Padding is not read: ⟨unshuffle(x), y⟩ = ⟨x, shuffle(y)⟩ for any y.
template <class T>
void check_transpose(On where) {
    const PixelShuffleShape s{2, 5, 7, 2, 3};
    const auto x = counted<T>(s.elements()), y = counted<T>(s.low_elements());
    Buffer<T> high(where, x), low(where, y), unshuffled(where, s.low_elements()),
        shuffled(where, s.elements());
    DNSP_KERNEL(where, pixel_unshuffle, T)(s, high.data(), unshuffled.data());
    DNSP_KERNEL(where, pixel_shuffle, T)(s, low.data(), shuffled.data());
    const auto dot = [](const std::vector<T>& a, const std::vector<T>& b) {
        double sum = 0;  // of integers: exact
        for (std::size_t i = 0; i < a.size(); ++i)
            sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
        return sum;
    };
    CHECK(dot(unshuffled.values(), y) == dot(x, shuffled.values()));
    CHECK(dot(x, shuffled.values()) > 0);
}

template <class T>
void check_bits(On where) {
    const PixelShuffleShape s{3, 151, 101, 1, 2};
    Buffer<T> high(where, reference::cast<T>(reference::uniform(s.elements(), 1))),
        low(where, reference::cast<T>(reference::uniform(s.low_elements(), 2)));
    testing::check_same_bits<T>(where, "pixel_unshuffle", s.low_elements(), [&](T* output) {
        DNSP_DETERMINISTIC_KERNEL(where, pixel_unshuffle, T)(s, high.data(), output);
    });
    testing::check_same_bits<T>(where, "pixel_shuffle", s.elements(), [&](T* output) {
        DNSP_DETERMINISTIC_KERNEL(where, pixel_shuffle, T)(s, low.data(), output);
    });
}

}  // namespace

TEST_CASE("pixel_unshuffle orders its channels as PyTorch does") {
    // torch.nn.functional.pixel_unshuffle(torch.arange(32).reshape(1, 2, 4, 4), 2), both permuted to NHWC.
    const std::vector<float> channels_last{0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                           8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const std::vector<float> unshuffled{0, 1, 4,  5,  16, 17, 20, 21, 2,  3,  6,  7,  18, 19, 22, 23,
                                        8, 9, 12, 13, 24, 25, 28, 29, 10, 11, 14, 15, 26, 27, 30, 31};
    testing::on_device([&](On where) {
        Buffer<float> high(where, channels_last), low(where, 32);
        DNSP_KERNEL(where, pixel_unshuffle, float)({1, 4, 4, 2, 2}, high.data(), low.data());
        CHECK(low.values() == unshuffled);
    });
}

TEST_CASE("pixel_unshuffle follows its definition, and pixel_shuffle restores the image") {
    testing::on_device(check_definitions<float>);
    testing::on_device(check_definitions<double>);
    // More than one grid.
    check_definition<float>(testing::device_under_test(), {2, 407, 401, 1, 2});
}

TEST_CASE("pixel_shuffle is the transpose of pixel_unshuffle") {
    testing::on_device(check_transpose<float>);
    testing::on_device(check_transpose<double>);
}

TEST_CASE("pixel_unshuffle and pixel_shuffle are bitwise reproducible") {
    check_bits<float>(testing::device_under_test());
    check_bits<double>(testing::device_under_test());
}
