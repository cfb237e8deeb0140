#include "inference/tiled_inference.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "engine/kernel_for.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/copy_rows.hpp"

namespace dnsp {
namespace {

constexpr double memory_share = 0.8;  // of the free memory, because blocks leave gaps
constexpr std::int64_t max_batch = 1024;

struct Rectangle {
    std::int64_t y, x, height, width;
    bool operator==(const Rectangle&) const = default;
};

/// A tile of an image (target) and the rectangle of pixels that it depends on (source). Windows of one shape
/// can be computed together.
struct Window {
    std::int64_t image;
    Rectangle source, target;
    std::pair<std::int64_t, std::int64_t> shape() const { return {source.height, source.width}; }
};

/// Copies a rectangle of an image of `from` to a position in an image of `to`; both tensors are [n, h, w, c].
/// A rectangle of whole rows may go on in the next images, if these have the same size in both tensors.
void copy_rectangle(const Tensor& from, std::int64_t image, const Rectangle& source, const Tensor& to,
                    std::int64_t to_image, std::int64_t y, std::int64_t x) {
    const Shape &f = from.shape(), &t = to.shape();
    const std::int64_t channels = f[3];
    dispatch(from.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(from.device(), copy_rows<T>)
        ({source.height, source.width * channels, f[2] * channels, t[2] * channels},
         from.data<T>() + ((image * f[1] + source.y) * f[2] + source.x) * channels,
         to.data<T>() + ((to_image * t[1] + y) * t[2] + x) * channels);
    });
}

/// A tile depends bitwise on the input within `halo` pixels, if kernels compute aligned tiles of
/// `alignment` × `alignment` pixels. `halo` is a multiple of `alignment`.
struct Surroundings {
    std::int64_t halo, alignment;

    std::int64_t down(std::int64_t pixel) const { return pixel / alignment * alignment; }
    std::int64_t up(std::int64_t pixel) const { return down(pixel + alignment - 1); }

    /// The source of a tile along one axis: the tile and its halo, clipped to the image.
    std::pair<std::int64_t, std::int64_t> window_of(std::int64_t begin, std::int64_t size,
                                                    std::int64_t image_size) const {
        return {std::max<std::int64_t>(0, down(begin) - halo), std::min(image_size, up(begin + size) + halo)};
    }
};

/// The windows of all tiles of all images, sorted by shape.
std::vector<Window> windows_of(const Shape& s, std::int64_t tile, const Surroundings& surroundings) {
    std::vector<Window> windows;
    for (std::int64_t n = 0; n < s[0]; ++n)
        for (std::int64_t y = 0; y < s[1]; y += tile)
            for (std::int64_t x = 0; x < s[2]; x += tile) {
                const std::int64_t height = std::min(tile, s[1] - y), width = std::min(tile, s[2] - x);
                const auto [top, bottom] = surroundings.window_of(y, height, s[1]);
                const auto [left, right] = surroundings.window_of(x, width, s[2]);
                windows.push_back({n, {top, left, bottom - top, right - left}, {y, x, height, width}});
            }
    std::stable_sort(windows.begin(), windows.end(),
                     [](const Window& a, const Window& b) { return a.shape() < b.shape(); });
    return windows;
}

using Compute = std::function<void(std::int64_t first, std::int64_t count)>;

/// Calls compute(first, count) for consecutive parts of 0 … total − 1. A part has at most `batch` items; the
/// batch is halved when memory runs out.
void in_batches(std::int64_t total, std::int64_t batch, const Compute& compute) {
    for (std::int64_t first = 0; first < total;) try {
            const std::int64_t count = std::min(batch, total - first);
            compute(first, count);
            first += count;
        } catch (const OutOfMemory&) {
            if (std::min(batch, total - first) == 1) throw;
            batch = std::min(batch, total - first) / 2;
        }
}

/// As in_batches(), with the largest batch that fits into the free memory of a CUDA device, estimated from
/// the peak memory of the first item. On the CPU the batch is 1.
void in_batches_by_memory(std::int64_t total, Device device, const Compute& compute) {
    if (device.kind == DeviceKind::cpu || total <= 1) return in_batches(total, 1, compute);
    forget_peak_memory(device);
    const std::size_t before = arena_statistics(device).bytes_in_use;
    compute(0, 1);
    const std::size_t needed = arena_statistics(device).peak_bytes_in_use - before;
    const double fitting = memory_share * static_cast<double>(available_memory(device)) /
                           static_cast<double>(std::max<std::size_t>(needed, 1));
    const auto batch = static_cast<std::int64_t>(std::clamp(fitting, 1.0, static_cast<double>(max_batch)));
    in_batches(total - 1, batch, [&](std::int64_t first, std::int64_t count) { compute(first + 1, count); });
}

void compute_windows(const Model& model, const Tensor& input, const Tensor& output, const Window* windows,
                     std::int64_t count) {
    Tape tape = Tape::inference();
    const auto [height, width] = windows->shape();
    const Tensor batch =
        Tensor::empty({count, height, width, input.shape()[3]}, input.dtype(), input.device());
    // Without tiles, windows are consecutive whole images, which are one copy. The network does not compute
    // on `input` itself, because the choice of kernels depends on alignment.
    const Rectangle images{0, 0, count * height, width};
    const bool whole = windows->target == Rectangle{0, 0, input.shape()[1], input.shape()[2]};
    if (whole)
        copy_rectangle(input, windows->image, images, batch, 0, 0, 0);
    else
        for (std::int64_t i = 0; i < count; ++i)
            copy_rectangle(input, windows[i].image, windows[i].source, batch, i, 0, 0);
    const Tensor result = model.forward(tape, batch);
    if (whole) return copy_rectangle(result, 0, images, output, windows->image, 0, 0);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto& [image, source, target] = windows[i];
        copy_rectangle(result, i, {target.y - source.y, target.x - source.x, target.height, target.width},
                       output, image, target.y, target.x);
    }
}

}  // namespace

void InferenceOptions::visit(OptionVisitor& v) {
    v.option({.key = "tile",
              .flag = "--tile",
              .help = "side of the tiles, pixels: less memory, bitwise identical results (except with "
                      "--conv cublas or cudnn); 0: whole slices",
              .range = Range::non_negative},
             tile);
    v.option(
        {.key = "batch",
         .flag = "--batch",
         .help = "slices or tiles computed together, bitwise identical results (except with --conv cublas or "
                 "cudnn); 0: one on the CPU, as many as fit into memory on a CUDA device",
         .range = Range::positive},
        batch);
}

Tensor infer(const Model& model, const Tensor& input, const InferenceOptions& options) {
    require(options.tile >= 0 && options.batch >= 0, "[infer] tile and batch must not be negative");
    const Shape& s = input.shape();
    require(s.rank() == 4 && s[3] == model.input_channels(), "[infer] expects [batch, height, width, " +
                                                                 std::to_string(model.input_channels()) +
                                                                 "], got " + s.text());
    const int alignment = input.device().kind == DeviceKind::cpu ? kernels::cpu::conv2d_alignment
                                                                 : kernels::cuda::conv2d_alignment;
    const std::int64_t block = model.pixel_block();
    const std::int64_t whole = std::max<std::int64_t>({s[1], s[2], 1});
    const std::vector<Window> windows =
        windows_of(s, options.tile == 0 ? whole : options.tile,
                   {block * model.receptive_radius(alignment), block * alignment});
    Tensor output = Tensor::empty({s[0], s[1], s[2], 1}, input.dtype(), input.device());
    for (std::size_t begin = 0, end = 0; begin < windows.size(); begin = end) {
        while (end < windows.size() && windows[end].shape() == windows[begin].shape()) ++end;
        const Compute compute = [&, first_window = &windows[begin]](std::int64_t first, std::int64_t count) {
            compute_windows(model, input, output, first_window + first, count);
        };
        const auto total = static_cast<std::int64_t>(end - begin);
        if (options.batch == 0)
            in_batches_by_memory(total, input.device(), compute);
        else
            in_batches(total, options.batch, compute);
    }
    return output;
}

}  // namespace dnsp
