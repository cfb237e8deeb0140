#include "layers/pixel_shuffle.hpp"

#include "layers/conv2d.hpp"
#include "tests/gradient_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

struct Case {
    Shape high;
    std::int64_t factor;
};
const std::vector<Case> cases{{{1, 1, 1, 1}, 1}, {{2, 4, 6, 1}, 2}, {{2, 5, 3, 2}, 2}, {{1, 7, 4, 1}, 3}};

Shape low_shape(const Case& c) {
    const std::int64_t f = c.factor;
    return {c.high[0], (c.high[1] + f - 1) / f, (c.high[2] + f - 1) / f, c.high[3] * f * f};
}

std::string message_of(const std::function<void(Tape&)>& call) {
    Tape tape;
    try {
        call(tape);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

Tensor zeros(const Shape& shape) { return Tensor::zeros(shape, DType::float32); }

}  // namespace

TEST_CASE("gradients of pixel_unshuffle and pixel_shuffle") {
    for (const Case& c : cases) {
        INFO("image " << c.high.text() << ", factor " << c.factor);
        const Function unshuffle = [&](Tape& tape, const std::vector<Tensor>& x) {
            const Tensor low = pixel_unshuffle(tape, x[0], c.factor);
            CHECK(low.shape() == low_shape(c));
            return conv2d(tape, low, x[1], x[2]);
        };
        const Function shuffle = [&](Tape& tape, const std::vector<Tensor>& x) {
            const Tensor low = conv2d(tape, x[0], x[1], x[2]);
            const Tensor high = pixel_shuffle(tape, low, c.factor, c.high[1], c.high[2]);
            CHECK(high.shape() == c.high);
            return high;
        };
        const std::int64_t low_channels = low_shape(c)[3];
        const std::vector<Input> to_unshuffle{random_input(c.high, 1),
                                              random_input({2, 3, 3, low_channels}, 2), random_input({2}, 3)};
        Shape narrow = low_shape(c);
        narrow = {narrow[0], narrow[1], narrow[2], 2};
        const std::vector<Input> to_shuffle{random_input(narrow, 1), random_input({low_channels, 3, 3, 2}, 2),
                                            random_input({low_channels}, 3)};
        check_gradients(unshuffle, to_unshuffle);
        check_float_against_double(unshuffle, to_unshuffle);
        check_gradients(shuffle, to_shuffle);
        check_float_against_double(shuffle, to_shuffle);
    }
}

TEST_CASE("gradients of an image that is unshuffled twice") {
    const Function twice = [](Tape& tape, const std::vector<Tensor>& x) {
        const Tensor a = pixel_unshuffle(tape, x[0], 2), b = pixel_unshuffle(tape, x[0], 2);
        return conv2d(tape, a, x[1], Tensor(), {.residual = b});
    };
    check_gradients(twice, {random_input({2, 5, 4, 1}, 1), random_input({4, 1, 1, 4}, 2)});
}

TEST_CASE("pixel_shuffle restores what pixel_unshuffle takes apart, whatever the sides") {
    for (const Case& c : cases) {
        const Tensor image = tensor_of(random_input(c.high, 1));
        Tape tape = Tape::inference();
        const Tensor low = pixel_unshuffle(tape, image, c.factor);
        CHECK(values_of(pixel_shuffle(tape, low, c.factor, c.high[1], c.high[2])) == values_of(image));
    }
}

TEST_CASE("pixel_unshuffle and pixel_shuffle refuse shapes that do not fit") {
    CHECK(message_of([](Tape& t) {
              pixel_unshuffle(t, zeros({4, 4, 1}), 2);
          }) == "[pixel_unshuffle] expects [batch, height, width, channels], got " + Shape{4, 4, 1}.text());
    CHECK(message_of([](Tape& t) {
              pixel_unshuffle(t, zeros({1, 4, 4, 1}), 0);
          }) == "[pixel_unshuffle] factor must be at least 1, got 0");
    const auto refused = [](const Shape& low, std::int64_t factor, std::int64_t height, std::int64_t width) {
        const std::string message =
            message_of([&](Tape& t) { pixel_shuffle(t, zeros(low), factor, height, width); });
        INFO(low.text() << ": " << message);
        CHECK(message.starts_with("[pixel_shuffle] "));
    };
    refused({4, 4, 4}, 2, 8, 8);
    refused({1, 4, 4, 4}, 0, 8, 8);
    refused({1, 4, 4, 3}, 2, 8, 8);
    refused({1, 4, 4, 4}, 2, 9, 8);
    refused({1, 4, 4, 4}, 2, 8, 6);
    refused({1, 4, 4, 4}, 1, 8, 8);
    CHECK(message_of([](Tape& t) { pixel_unshuffle(t, Tensor(), 2); }).starts_with("[pixel_unshuffle]"));
}
