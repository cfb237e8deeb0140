#include "models/tiled_inference.hpp"

#include <algorithm>

namespace dnsp {
namespace {

struct Rectangle {
    std::int64_t y, x, height, width;
};

/// Copies the same rectangle, at two places, between [n, h, w, 1] tensors.
void copy_rectangle(const Tensor& from, const Rectangle& source, const Tensor& to, std::int64_t y,
                    std::int64_t x) {
    require_cpu(from, "tiled inference");
    const Shape &f = from.shape(), &t = to.shape();
    dispatch(from.dtype(), [&]<class T>() {
        for (std::int64_t n = 0; n < f[0]; ++n)
            for (std::int64_t row = 0; row < source.height; ++row)
                std::copy_n(from.data<T>() + (n * f[1] + source.y + row) * f[2] + source.x, source.width,
                            to.data<T>() + (n * t[1] + y + row) * t[2] + x);
    });
}

}  // namespace

Tensor infer(const Model& model, const Tensor& input, int tile) {
    require(tile >= 0, "[infer] the tile size must not be negative");
    Tape tape = Tape::inference();
    const Shape& s = input.shape();
    if (tile == 0 || (tile >= s[1] && tile >= s[2])) return model.forward(tape, input);

    const std::int64_t halo = model.receptive_radius();
    Tensor output = Tensor::empty_like(input);
    for (std::int64_t y = 0; y < s[1]; y += tile)
        for (std::int64_t x = 0; x < s[2]; x += tile) {
            const std::int64_t height = std::min<std::int64_t>(tile, s[1] - y);
            const std::int64_t width = std::min<std::int64_t>(tile, s[2] - x);
            const std::int64_t top = std::max<std::int64_t>(0, y - halo),
                               left = std::max<std::int64_t>(0, x - halo);
            const std::int64_t bottom = std::min(s[1], y + height + halo),
                               right = std::min(s[2], x + width + halo);
            Tensor window =
                Tensor::empty({s[0], bottom - top, right - left, 1}, input.dtype(), input.device());
            copy_rectangle(input, {top, left, bottom - top, right - left}, window, 0, 0);
            const Tensor result = model.forward(tape, window);
            copy_rectangle(result, {y - top, x - left, height, width}, output, y, x);
        }
    return output;
}

}  // namespace dnsp
