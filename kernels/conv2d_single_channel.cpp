#include "kernels/conv2d_single_channel.hpp"

#include <algorithm>

#include "kernels/conv2d_tiles.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

/// Rows of an image that a thread takes at a time: what they are made of stays in the second-level cache.
constexpr std::int64_t strip_rows = 8;

/// The strips of all images, one after the other.
struct Strips {
    std::int64_t height, of_image, count;

    explicit Strips(const Conv2dShape& s)
        : height(s.height), of_image((s.height + strip_rows - 1) / strip_rows), count(s.batch * of_image) {}

    struct Rows {
        std::int64_t image, begin, end;
    };
    Rows rows(std::int64_t strip) const {
        const std::int64_t begin = strip % of_image * strip_rows;
        return {strip / of_image, begin, std::min(height, begin + strip_rows)};
    }
};

/// A strip's rows and those that its taps reach, as far as there are any, with zeros to their left and right.
class FramedRows {
  public:
    /// `surplus`: further columns of zeros on the right.
    FramedRows(const Conv2dShape& s, std::int64_t channels, std::int64_t surplus)
        : height_(s.height),
          above_(s.kernel_height / 2),
          of_image_(s.width * channels),
          before_(s.kernel_width / 2 * channels),
          of_row_(of_image_ + 2 * before_ + surplus * channels),
          values_(uninitialised((strip_rows + 2 * above_) * of_row_)) {
        std::fill_n(values_.get(), (strip_rows + 2 * above_) * of_row_, 0.0f);
    }

    void load(const float* images, const Strips::Rows& strip) {
        first_ = std::max<std::int64_t>(0, strip.begin - above_);
        const std::int64_t end = std::min(height_, strip.end + above_);
        for (std::int64_t y = first_; y < end; ++y)
            std::copy_n(images + (strip.image * height_ + y) * of_image_, of_image_,
                        values_.get() + (y - first_) * of_row_ + before_);
    }
    /// Of the row y + i − half a kernel, from its zeros on the left.
    const float* row(std::int64_t y, std::int64_t i) const {
        return values_.get() + (y + i - above_ - first_) * of_row_;
    }
    /// The rows of taps for which there is one.
    std::int64_t first_taps(std::int64_t y) const { return std::max<std::int64_t>(0, above_ - y); }
    std::int64_t end_taps(std::int64_t y) const { return std::min(2 * above_ + 1, height_ - y + above_); }

  private:
    std::int64_t height_, above_, of_image_, before_, of_row_, first_ = 0;
    Scratch values_;
};

/// Where a tap's weight for a channel of the wide side lies.
struct WeightLayout {
    std::int64_t taps, of_tap, of_channel;
    bool flipped;

    WeightLayout(const Conv2dShape& s, bool flipped_)
        : taps(s.kernel_height * s.kernel_width),
          of_tap(s.in_channels),
          of_channel(s.in_channels == 1 ? taps : 1),
          flipped(flipped_) {}
    std::int64_t at(std::int64_t tap, std::int64_t channel) const {
        return (flipped ? taps - 1 - tap : tap) * of_tap + channel * of_channel;
    }
};

std::int64_t wide_channels(const Conv2dShape& s) { return std::max(s.in_channels, s.out_channels); }

Scratch packed_weight(const Conv2dShape& s, bool flipped, std::int64_t panel, const float* weight) {
    const WeightLayout layout(s, flipped);
    return packed_in_panels(layout.taps, wide_channels(s), panel,
                            [&](std::int64_t tap, std::int64_t c) { return weight[layout.at(tap, c)]; });
}

// ---- From one channel to many: a tile is some pixels of a row and a panel of channels, the taps are summed

template <int vectors>
void expand_panels(const Conv2dShape& s, const float* images, const float* weights, const Finish& finish) {
    constexpr std::int64_t panel = vectors * packet;
    const std::int64_t channels = wide_channels(s), kernel_width = s.kernel_width,
                       taps = s.kernel_height * kernel_width;
    const Strips strips(s);
#pragma omp parallel
    {
        FramedRows framed(s, 1, tile_rows - 1);
#pragma omp for schedule(static)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            framed.load(images, rows);
            for (std::int64_t y = rows.begin; y < rows.end; ++y)
                for (std::int64_t x = 0; x < s.width; x += tile_rows)
                    for (std::int64_t c = 0; c < channels; c += panel) {
                        Tile<tile_rows, vectors> tile{};
                        const std::int64_t first = (rows.image * s.height + y) * s.width + x;
                        for (int r = 0; r < std::min<std::int64_t>(tile_rows, s.width - x); ++r)
                            for (int v = 0; v < vectors; ++v)
                                finish.prefetch((first + r) * channels + c + v * packet);
                        for (std::int64_t i = framed.first_taps(y); i < framed.end_taps(y); ++i)
                            multiply_tile<tile_rows, vectors>(kernel_width, framed.row(y, i) + x, 1, 1,
                                                              weights + c * taps + i * kernel_width * panel,
                                                              panel, tile);
                        for (int r = 0; r < std::min<std::int64_t>(tile_rows, s.width - x); ++r)
                            for (int v = 0; v < vectors; ++v)
                                finish.write((first + r) * channels + c + v * packet, c + v * packet,
                                             tile[r][v]);
                    }
        }
    }
}

void expand(const Conv2dShape& s, bool flipped, const float* images, const float* weight,
            const Finish& finish) {
    with_panels_of(wide_channels(s), [&]<int vectors>() {
        const Scratch packed = packed_weight(s, flipped, vectors * packet, weight);
        expand_panels<vectors>(s, images, packed.get(), finish);
    });
}

// ---- From many channels to one: the lanes of a vector are added at the end

constexpr int pixels_of_run = 8;

float sum_of_lanes(Vector vector) {
    float lanes[packet];
    store(lanes, vector);
    for (int half = packet / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

void collapse(const Conv2dShape& s, bool flipped, const float* wide, const float* weight,
              const Finish& finish) {
    const std::int64_t channels = wide_channels(s);
    const Scratch weights = packed_weight(s, flipped, channels, weight);
    const Strips strips(s);
#pragma omp parallel
    {
        FramedRows framed(s, channels, pixels_of_run - 1);
#pragma omp for schedule(static)
        for (std::int64_t strip = 0; strip < strips.count; ++strip) {
            const Strips::Rows rows = strips.rows(strip);
            framed.load(wide, rows);
            for (std::int64_t y = rows.begin; y < rows.end; ++y)
                for (std::int64_t x = 0; x < s.width; x += pixels_of_run) {
                    Vector sums[pixels_of_run]{};
                    for (std::int64_t i = framed.first_taps(y); i < framed.end_taps(y); ++i) {
                        // The channels of a row of taps follow one another, in the image and in the weight.
                        const float* const pixels = framed.row(y, i) + x * channels;
                        const float* const factors = weights.get() + i * s.kernel_width * channels;
                        for (std::int64_t k = 0; k < s.kernel_width * channels; k += packet)
                            for (int r = 0; r < pixels_of_run; ++r)
                                sums[r] = multiply_add(load<Vector>(pixels + r * channels + k),
                                                       load<Vector>(factors + k), sums[r]);
                    }
                    const std::int64_t first = (rows.image * s.height + y) * s.width + x;
                    for (int r = 0; r < std::min<std::int64_t>(pixels_of_run, s.width - x); ++r)
                        finish.write(first + r, 0, sum_of_lanes(sums[r]));
                }
        }
    }
}

// ---- The weight's gradient: a tile is some taps of a row and a panel of channels, a row of pixels is summed

/// sums[i, tap of the row, c] += Σ_x wide[x, c] · image[x + tap] of row y.
template <int taps_at_once>
void correlate_row(const Conv2dShape& s, const FramedRows& framed, std::int64_t y, const float* wide,
                   std::int64_t taps_of_row, float* sums) {
    const std::int64_t channels = wide_channels(s);
    with_panels_of(channels, [&]<int vectors>() {
        for (std::int64_t i = framed.first_taps(y); i < framed.end_taps(y); ++i)
            for (std::int64_t tap = 0; tap < taps_of_row; tap += taps_at_once)
                for (std::int64_t c = 0; c < channels; c += vectors * packet) {
                    float* const of_tile = sums + (i * taps_of_row + tap) * channels + c;
                    Tile<taps_at_once, vectors> tile;
                    load_tile<taps_at_once, vectors>(of_tile, channels, tile);
                    multiply_tile<taps_at_once, vectors>(s.width, framed.row(y, i) + tap, 1, 1, wide + c,
                                                         channels, tile);
                    store_tile<taps_at_once, vectors>(tile, of_tile, channels);
                }
    });
}

/// The function above for as many taps as divide a row best.
auto correlate_row_of(int taps_at_once) {
    static constexpr decltype(&correlate_row<1>) of[] = {correlate_row<1>, correlate_row<2>,
                                                         correlate_row<3>, correlate_row<4>,
                                                         correlate_row<5>, correlate_row<6>};
    return of[taps_at_once - 1];
}

}  // namespace

bool single_channel_serves(const Conv2dShape& s) {
    return std::min(s.in_channels, s.out_channels) == 1 && wide_channels(s) % channel_unit == 0;
}

void single_channel_forward(const Conv2dShape& s, const float* input, const float* weight, const float* bias,
                            const Conv2dEpilogue<float>& epilogue, float* output) {
    const Finish finish = Finish::forward(bias, epilogue, output);
    s.in_channels == 1 ? expand(s, false, input, weight, finish) : collapse(s, false, input, weight, finish);
}

void single_channel_backward_input(const Conv2dShape& s, const float* output_gradient, double scale,
                                   const float* weight, const float* rectified_input, const float* added,
                                   float* input_gradient) {
    const Finish finish = Finish::backward_input(scale, rectified_input, added, input_gradient);
    s.in_channels == 1 ? collapse(s, true, output_gradient, weight, finish)
                       : expand(s, true, output_gradient, weight, finish);
}

void single_channel_backward_weight(const Conv2dShape& s, const float* input, const float* output_gradient,
                                    double scale, float* weight_gradient, float* bias_gradient) {
    // Σ_p gradient[p] · input[p + tap] is also Σ_p input[p] · gradient[p − tap].
    const bool flipped = s.out_channels == 1;
    const float *wide = flipped ? input : output_gradient, *images = flipped ? output_gradient : input;
    const std::int64_t channels = wide_channels(s);
    constexpr std::int64_t most_taps_at_once = 6;
    const std::int64_t tiles = (s.kernel_width + most_taps_at_once - 1) / most_taps_at_once;
    const std::int64_t taps_at_once = (s.kernel_width + tiles - 1) / tiles,
                       taps_of_row = tiles * taps_at_once;
    const auto correlate = correlate_row_of(static_cast<int>(taps_at_once));

    const Strips strips(s);
    const Parts parts(strips.count, 1, 4);
    PartialGradients partial(parts.count, s.kernel_height * taps_of_row * channels, s.out_channels);
    const auto sums = uninitialised(s.kernel_height * taps_of_row * channels);
#pragma omp parallel
    {
        FramedRows framed(s, 1, taps_of_row - s.kernel_width);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < parts.count; ++part) {
            std::fill_n(partial.weight(part), s.kernel_height * taps_of_row * channels, 0.0f);
            for (std::int64_t strip = parts.begin(part); strip < parts.end(part); ++strip) {
                const Strips::Rows rows = strips.rows(strip);
                framed.load(images, rows);
                for (std::int64_t y = rows.begin; y < rows.end; ++y) {
                    const std::int64_t first = (rows.image * s.height + y) * s.width;
                    correlate(s, framed, y, wide + first * channels, taps_of_row, partial.weight(part));
                    if (flipped)
                        for (std::int64_t x = 0; x < s.width; ++x) *partial.bias(part) += images[first + x];
                    else
                        add_over_pixels(s.width, channels, wide + first * channels, partial.bias(part));
                }
            }
        }
        partial.add_weights(scale, sums.get());
    }
    partial.add_biases(scale, bias_gradient);

    const WeightLayout layout(s, flipped);
    for (std::int64_t i = 0; i < s.kernel_height; ++i)
        for (std::int64_t j = 0; j < s.kernel_width; ++j)
            for (std::int64_t c = 0; c < channels; ++c)
                weight_gradient[layout.at(i * s.kernel_width + j, c)] =
                    sums[static_cast<std::size_t>((i * taps_of_row + j) * channels + c)];
}

}  // namespace dnsp::kernels::cpu::detail
