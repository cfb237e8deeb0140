#include "models/tiled_inference.hpp"

#include <algorithm>
#include <utility>

#include "engine/on_device.hpp"
#include "kernels/conv2d.hpp"
#include "kernels/copy_rows.hpp"

namespace dnsp {
namespace {

struct Rectangle {
    std::int64_t y, x, height, width;
};

/// Copies the same rectangle, at two places, between [n, h, w, 1] tensors.
void copy_rectangle(const Tensor& from, const Rectangle& source, const Tensor& to, std::int64_t y,
                    std::int64_t x) {
    const Shape &f = from.shape(), &t = to.shape();
    dispatch(from.dtype(), [&]<class T>() {
        for (std::int64_t n = 0; n < f[0]; ++n)
            on(from.device(), kernels::cpu::copy_rows<T>, kernels::cuda::copy_rows<T>)(
                {source.height, source.width, f[2], t[2]},
                from.data<T>() + (n * f[1] + source.y) * f[2] + source.x,
                to.data<T>() + (n * t[1] + y) * t[2] + x);
    });
}

/// What decides the bits of a tile: the input up to `halo` pixels around it, where squares of `alignment`
/// pixels are computed at once.
struct Surroundings {
    std::int64_t halo, alignment;

    std::int64_t down(std::int64_t pixel) const { return pixel / alignment * alignment; }
    std::int64_t up(std::int64_t pixel) const { return down(pixel + alignment - 1); }

    /// What a tile reads along one axis: that, inside the image, and never less than the widest kernel can
    /// span, so that the window is convolved by the same algorithm as the whole image.
    std::pair<std::int64_t, std::int64_t> window_of(std::int64_t begin, std::int64_t size,
                                                    std::int64_t image_size) const {
        const std::int64_t least = 2 * halo + 1;
        const std::int64_t last_first = down(std::max<std::int64_t>(0, image_size - least));
        const std::int64_t first = std::max<std::int64_t>(0, std::min(down(begin) - halo, last_first));
        return {first, std::min(image_size, up(std::max(up(begin + size) + halo, first + least)))};
    }
};

}  // namespace

Tensor infer(const Model& model, const Tensor& input, int tile) {
    require(tile >= 0, "[infer] the tile size must not be negative");
    Tape tape = Tape::inference();
    const Shape& s = input.shape();
    if (tile == 0 || (tile >= s[1] && tile >= s[2])) return model.forward(tape, input);

    const int alignment = input.device().kind == DeviceKind::cpu ? kernels::cpu::conv2d_alignment
                                                                 : kernels::cuda::conv2d_alignment;
    const Surroundings surroundings{model.receptive_radius(alignment), alignment};
    Tensor output = Tensor::empty_like(input);
    for (std::int64_t y = 0; y < s[1]; y += tile)
        for (std::int64_t x = 0; x < s[2]; x += tile) {
            const std::int64_t height = std::min<std::int64_t>(tile, s[1] - y);
            const std::int64_t width = std::min<std::int64_t>(tile, s[2] - x);
            const auto [top, bottom] = surroundings.window_of(y, height, s[1]);
            const auto [left, right] = surroundings.window_of(x, width, s[2]);
            Tensor window =
                Tensor::empty({s[0], bottom - top, right - left, 1}, input.dtype(), input.device());
            copy_rectangle(input, {top, left, bottom - top, right - left}, window, 0, 0);
            const Tensor result = model.forward(tape, window);
            copy_rectangle(result, {y - top, x - left, height, width}, output, y, x);
        }
    return output;
}

}  // namespace dnsp
