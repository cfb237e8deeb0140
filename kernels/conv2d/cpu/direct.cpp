#include "kernels/conv2d/cpu/direct.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/strips.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

/// Channels in panels of `vectors` vectors.
struct Panels {
    int vectors;
    std::int64_t channels;  ///< padded to whole panels

    explicit Panels(std::int64_t wanted) {
        const std::int64_t all = divide_up<std::int64_t>(wanted, packet),
                           count = divide_up<std::int64_t>(all, max_vectors);
        vectors = static_cast<int>(divide_up(all, count));
        channels = count * vectors * packet;
    }
    /// Calls use.operator()<vectors>().
    template <int candidate = max_vectors, class Use>
    void with(Use&& use) const {
        if constexpr (candidate > 1)
            if (vectors != candidate) return with<candidate - 1>(use);
        use.template operator()<candidate>();
    }
};

// ---- Images. A register tile is 6 pixels of a row × a panel of channels. It sums over the taps of a row and
// their channels, which are contiguous in the image and in the packed weight.

/// Writes the first `lanes` lanes of a vector.
template <class T>
void write_lanes(const Epilogue<T>& epilogue, std::int64_t element, std::int64_t channel, std::int64_t lanes,
                 Vector vector) {
    using Quad [[gnu::vector_size(4 * sizeof(float))]] = float;
    float values[packet];
    store(values, vector);
    std::int64_t lane = 0;
    for (; lane + 4 <= lanes; lane += 4)
        epilogue.write(element + lane, channel + lane, load<Quad>(values + lane));
    for (; lane < lanes; ++lane) epilogue.write(element + lane, channel + lane, values[lane]);
}

template <int vectors, class T>
void write_tile(const Epilogue<T>& epilogue, std::int64_t first_pixel, std::int64_t pixels, std::int64_t c,
                std::int64_t channels, const Tile<tile_rows, vectors>& tile) {
    if (c + vectors * packet <= channels) {
        for (int r = 0; r < pixels; ++r)
            for (int v = 0; v < vectors; ++v)
                epilogue.write((first_pixel + r) * channels + c + v * packet, c + v * packet, tile[r][v]);
        return;
    }
    const std::int64_t whole = (channels - c) / packet, rest = (channels - c) % packet;
    for (int r = 0; r < pixels; ++r) {
        const std::int64_t element = (first_pixel + r) * channels + c;
        for (int v = 0; v < whole; ++v) epilogue.write(element + v * packet, c + v * packet, tile[r][v]);
        if (rest > 0)
            write_lanes(epilogue, element + whole * packet, c + whole * packet, rest, tile[r][whole]);
    }
}

/// `single`: taps.from is 1, as in the first layer of a network. The pixel stride is then a compile-time
/// constant.
template <int vectors, bool single, class To>
void convolve_panels(const Conv2dShape& s, const Taps& taps, std::int64_t channels, const StoredImage& images,
                     const float* weights, const Epilogue<To>& epilogue) {
    constexpr std::int64_t panel = vectors * packet;
    const std::int64_t from = single ? 1 : taps.from, to = taps.to, row = s.kernel_width * from,
                       all = s.kernel_height * row;
    const Strips strips(s);
#pragma omp parallel
    {
        FramedRows<> framed(s, from, tile_rows - 1);
#pragma omp for schedule(static)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            framed.load(images, rows);
            for (std::int64_t y = rows.begin; y < rows.end; ++y)
                for (std::int64_t x = 0; x < s.width; x += tile_rows)
                    for (std::int64_t c = 0; c < channels; c += panel) {
                        const std::int64_t first = (rows.image * s.height + y) * s.width + x,
                                           pixels = std::min<std::int64_t>(tile_rows, s.width - x);
                        for (int r = 0; r < pixels; ++r)
                            for (int v = 0; v < vectors; ++v)
                                epilogue.prefetch((first + r) * to + c + v * packet);
                        Tile<tile_rows, vectors> tile{};
                        for (std::int64_t i = framed.first_taps(y); i < framed.end_taps(y); ++i)
                            multiply_tile<tile_rows, vectors>(row, framed.row(y, i) + x * from, from, 1,
                                                              weights + c * all + i * row * panel, panel,
                                                              tile);
                        write_tile<vectors>(epilogue, first, pixels, c, to, tile);
                    }
        }
    }
}

template <class To>
void convolve(const Conv2dShape& s, const Taps& taps, const StoredImage& images, const float* weight,
              const Epilogue<To>& epilogue) {
    const Panels panels(taps.to);
    panels.with([&]<int vectors>() {
        const Scratch packed = packed_in_panels(
            taps.count * taps.from, panels.channels, vectors * packet, [&](std::int64_t row, std::int64_t t) {
                return t < taps.to ? weight[taps.at(row / taps.from, row % taps.from, t)] : 0.0f;
            });
        const auto run =
            taps.from == 1 ? convolve_panels<vectors, true, To> : convolve_panels<vectors, false, To>;
        run(s, taps, panels.channels, images, packed.get(), epilogue);
    });
}

// ---- Weight gradient. A register tile is up to 6 taps and channels of one image × a panel of channels of
// the other image. It sums over a row of pixels.

/// Rows of an image as float, with channels padded to `channels`. Rows of float that need no padding are not
/// copied.
class PanelRow {
  public:
    PanelRow(const Conv2dShape& s, const StoredImage& image, std::int64_t image_channels,
             std::int64_t channels)
        : image_(image), width_(s.width), image_channels_(image_channels), channels_(channels) {
        if (image.floats(0) && image_channels == channels) return;
        copy_ = uninitialised(width_ * channels);
        std::fill_n(copy_.get(), width_ * channels, 0.0f);
    }
    /// The row that begins with pixel `first`. Valid until the next call.
    const float* at(std::int64_t first) {
        if (!copy_) return image_.floats(first * image_channels_);
        for (std::int64_t x = 0; x < width_; ++x)
            image_.copy((first + x) * image_channels_, image_channels_, copy_.get() + x * channels_);
        return copy_.get();
    }

  private:
    StoredImage image_;
    std::int64_t width_, image_channels_, channels_;
    Scratch copy_;
};

/// sums[i, f, t] += Σ_x wide[x, t] · image[x · channels + f] over row y, where f counts the taps of a row and
/// their channels. `single`: the image has one channel.
template <int at_once, bool single>
void correlate_row(const FramedRows<>& framed, std::int64_t y, std::int64_t width, std::int64_t channels,
                   const float* wide, const Panels& panels, std::int64_t taps_of_row, float* sums) {
    const std::int64_t step = single ? 1 : channels;
    panels.with([&]<int vectors>() {
        for (std::int64_t i = framed.first_taps(y); i < framed.end_taps(y); ++i)
            for (std::int64_t f = 0; f < taps_of_row; f += at_once)
                for (std::int64_t t = 0; t < panels.channels; t += vectors * packet) {
                    float* const tile_sums = sums + (i * taps_of_row + f) * panels.channels + t;
                    Tile<at_once, vectors> tile;
                    load_tile<at_once, vectors>(tile_sums, panels.channels, tile);
                    multiply_tile<at_once, vectors>(width, framed.row(y, i) + f, 1, step, wide + t,
                                                    panels.channels, tile);
                    store_tile<at_once, vectors>(tile, tile_sums, panels.channels);
                }
    });
}

/// correlate_row<at_once, single>
template <bool single>
auto correlate_row_of(std::int64_t at_once) {
    static constexpr decltype(&correlate_row<1, single>) of[] = {
        correlate_row<1, single>, correlate_row<2, single>, correlate_row<3, single>,
        correlate_row<4, single>, correlate_row<5, single>, correlate_row<6, single>};
    return of[at_once - 1];
}

/// sum + Σ_x values[x · step]
double sum_of_row(const float* values, std::int64_t count, std::int64_t step, double sum) {
    for (std::int64_t x = 0; x < count; ++x) sum += values[x * step];
    return sum;
}

/// The gradient is Σ_p gradient[p] · input[p + tap] = Σ_p input[p] · gradient[p − tap]. True if the second
/// form needs fewer multiplications, because the input channels need less padding.
bool is_better_flipped(const Conv2dShape& s) {
    return Panels(s.in_channels).channels * s.out_channels < Panels(s.out_channels).channels * s.in_channels;
}

/// `wide` is the image of taps.to channels, `images` the one of taps.from channels.
void correlate_images(const Conv2dShape& s, const Taps& taps, const StoredImage& wide,
                      const StoredImage& images, double scale, float* weight_gradient, float* bias_gradient) {
    const Panels panels(taps.to);
    constexpr std::int64_t max_at_once = 6;
    const std::int64_t row = s.kernel_width * taps.from, tiles = divide_up(row, max_at_once),
                       at_once = divide_up(row, tiles), taps_of_row = tiles * at_once;
    const auto correlate =
        taps.from == 1 ? correlate_row_of<true>(at_once) : correlate_row_of<false>(at_once);

    const Strips strips(s);
    const Parts parts(strips.count, 1, 4);
    const std::int64_t elements = s.kernel_height * taps_of_row * panels.channels;
    PartialGradients partial(parts.count, elements, taps.flipped ? s.out_channels : panels.channels);
    const auto sums = uninitialised(elements);
#pragma omp parallel
    {
        FramedRows<> framed(s, taps.from, (taps_of_row - row + taps.from - 1) / taps.from);
        PanelRow panel_row(s, wide, taps.to, panels.channels);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < parts.count; ++part) {
            std::fill_n(partial.weight(part), elements, 0.0f);
            double* const bias = partial.bias(part);
            for (std::int64_t strip = parts.begin(part); strip < parts.end(part); ++strip) {
                const Strips::Rows rows = strips.rows(strip);
                framed.load(images, rows);
                for (std::int64_t y = rows.begin; y < rows.end; ++y) {
                    const std::int64_t first = (rows.image * s.height + y) * s.width;
                    const float* const wide_row = panel_row.at(first);
                    correlate(framed, y, s.width, taps.from, wide_row, panels, taps_of_row,
                              partial.weight(part));
                    if (taps.flipped)
                        for (std::int64_t o = 0; o < taps.from; ++o)
                            bias[o] = sum_of_row(framed.pixels(y) + o, s.width, taps.from, bias[o]);
                    else
                        add_over_pixels(s.width, panels.channels, wide_row, bias);
                }
            }
        }
        partial.add_weights(scale, sums.get());
    }
    partial.add_biases(scale, s.out_channels, bias_gradient);

    for (std::int64_t i = 0; i < s.kernel_height; ++i)
        for (std::int64_t j = 0; j < s.kernel_width; ++j)
            for (std::int64_t f = 0; f < taps.from; ++f)
                for (std::int64_t t = 0; t < taps.to; ++t)
                    weight_gradient[taps.at(i * s.kernel_width + j, f, t)] = sums[static_cast<std::size_t>(
                        (i * taps_of_row + j * taps.from + f) * panels.channels + t)];
}

}  // namespace

template <class In, class Out>
void direct_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    convolve(s, Taps(s, false), pass.input, pass.weight, Epilogue(pass));
}

template <class In, class Out>
void direct_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    convolve(s, Taps(s, true), pass.output_gradient, pass.weight, Epilogue(pass));
}

template <class In, class Out>
void direct_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<In, Out>& pass) {
    const Taps taps(s, is_better_flipped(s));
    const StoredImage input(pass.input), gradient(pass.output_gradient);
    correlate_images(s, taps, taps.flipped ? input : gradient, taps.flipped ? gradient : input, pass.scale,
                     pass.weight_gradient, pass.bias_gradient);
}

DNSP_INSTANTIATE_STORED(direct_forward);
DNSP_INSTANTIATE_STORED(direct_backward_input);
DNSP_INSTANTIATE_STORED(direct_backward_weight);

}  // namespace dnsp::kernels::cpu::detail
