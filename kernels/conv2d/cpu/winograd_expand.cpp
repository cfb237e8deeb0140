#include "kernels/conv2d/cpu/winograd_expand.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/bfloat16/pointwise_weights.hpp"
#include "kernels/conv2d/cpu/few_channels.hpp"
#include "kernels/conv2d/cpu/pointwise_weights.hpp"
#include "kernels/conv2d/cpu/winograd_tiles.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using namespace winograd;

constexpr int group_side = 3;
/// Tiles whose sums at the points of a column, six vectors each, are in registers.
constexpr int tiles_at_once = packet >= 16 ? 5 : 2;
/// Neighbouring tiles of a row of tiles. Their inputs are transformed as the lanes of a vector.
constexpr std::int64_t chunk_tiles = packet / tiles_at_once * tiles_at_once;

/// The taps in groups, which take the place of input channels: group (a, b) of channel c is number
/// (c · down + a) · across + b. Taps beyond the kernel are zero.
struct Groups {
    Taps taps;
    const float* weight;
    std::int64_t height, width, down, across, from, to;

    Groups(const Conv2dShape& s, const Taps& taps_, const float* weight_ = nullptr)
        : taps(taps_),
          weight(weight_),
          height(s.kernel_height),
          width(s.kernel_width),
          down(divide_up<std::int64_t>(height, group_side)),
          across(divide_up<std::int64_t>(width, group_side)),
          from(taps.from * down * across),
          to(taps.to) {}

    struct Place {
        std::int64_t c, a, b;
    };
    Place place(std::int64_t f) const { return {f / (down * across), f / across % down, f % across}; }

    /// Transforms the taps of group f to a vector of output channels from t on: write(i, j, element).
    template <class Write>
    void transform(std::int64_t f, std::int64_t t, Write&& write) const {
        const auto [c, a, b] = place(f);
        transform_both_ways(
            transform_weight,
            [&, c = c, a = a, b = b](int i, int j) {
                Vector values{};
                const std::int64_t row = a * group_side + i, column = b * group_side + j;
                if (row < height && column < width)
                    for (int lane = 0; lane < packet; ++lane)
                        values[lane] = weight[taps.at(row * width + column, c, t + lane)];
                return values;
            },
            write);
    }
};

/// Transformed weights in the order in which write_outputs() reads them: [vector of output channels][column
/// of points][group][row of points].
Scratch transformed_weights(const Groups& groups) {
    Scratch packed = uninitialised(points * groups.from * groups.to);
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < groups.to; t += packet)
        for (std::int64_t f = 0; f < groups.from; ++f)
            groups.transform(f, t, [&](int i, int j, const Vector& element) {
                const std::int64_t row =
                    ((t / packet * points_across + j) * groups.from + f) * points_across + i;
                store(packed.get() + row * packet, element);
            });
    return packed;
}

/// The input of a chunk. A column of the image is stored by its remainder modulo the side of a tile, so that
/// the same column of neighbouring tiles is a vector.
class ChunkOfRow {
  public:
    ChunkOfRow(const Conv2dShape& s, const Groups& groups)
        : height_(s.height),
          width_(s.width),
          channels_(groups.taps.from),
          above_(s.kernel_height / 2),
          before_(s.kernel_width / 2),
          rows_(group_side * (groups.down - 1) + points_across),
          columns_(packet + (group_side * (groups.across - 1) + points_across - 1) / tile_side),
          row_(uninitialised(tile_side * columns_ * channels_)),
          values_(uninitialised(channels_ * rows_ * tile_side * columns_)) {}

    void load(const StoredImage& images, const ImageTiles::Place& first) {
        const std::int64_t left = first.x - before_, begin = std::max<std::int64_t>(0, -left),
                           end = std::min(tile_side * columns_, width_ - left);
        std::fill_n(row_.get(), tile_side * columns_ * channels_, 0.0f);
        for (std::int64_t i = 0; i < rows_; ++i) {
            const std::int64_t y = first.y + i - above_;
            if (y < 0 || y >= height_) {
                for (std::int64_t c = 0; c < channels_; ++c)
                    std::fill_n(at(c, i, 0), tile_side * columns_, 0.0f);
                continue;
            }
            images.copy((first.first_pixel + y * width_ + left + begin) * channels_,
                        (end - begin) * channels_, row_.get() + begin * channels_);
            for (std::int64_t c = 0; c < channels_; ++c)
                for (std::int64_t remainder = 0; remainder < tile_side; ++remainder) {
                    float* const to = at(c, i, remainder);
                    const float* const from = row_.get() + remainder * channels_ + c;
                    for (std::int64_t column = 0; column < columns_; ++column)
                        to[column] = from[column * tile_side * channels_];
                }
        }
    }
    /// Pixel (i, j) of those that a tile needs (12×12 for a 9×9 kernel), for all tiles of the chunk.
    Vector pixel(std::int64_t c, std::int64_t i, std::int64_t j) const {
        return detail::load<Vector>(at(c, i, j % tile_side) + j / tile_side);
    }

  private:
    float* at(std::int64_t c, std::int64_t i, std::int64_t remainder) const {
        return values_.get() + ((c * rows_ + i) * tile_side + remainder) * columns_;
    }
    std::int64_t height_, width_, channels_, above_, before_, rows_, columns_;
    Scratch row_, values_;
};

/// inputs[point][group][tile of the chunk]
void transform_inputs(const Groups& groups, const ChunkOfRow& chunk, float* inputs) {
    for (std::int64_t f = 0; f < groups.from; ++f) {
        const auto [c, a, b] = groups.place(f);
        transform_both_ways(
            transform_input,
            [&, c = c, a = a, b = b](int i, int j) {
                return chunk.pixel(c, a * group_side + i, b * group_side + j);
            },
            [&](int i, int j, const Vector& element) {
                store(inputs + ((i * points_across + j) * groups.from + f) * packet, element);
            });
    }
}

/// Where a chunk is written: its pixel in row i and column x is number first + i · step + x.
struct PixelNumbers {
    std::int64_t first, step;
};

/// Writes a vector of output channels, from t on, of `present` tiles, of which the first one is at `place`.
template <class To>
void write_outputs(const Groups& groups, const ImageTiles& tiles, const ImageTiles::Place& place,
                   std::int64_t present, const float* inputs, const float* weights, std::int64_t t,
                   const PixelNumbers& numbers, Epilogue<To> epilogue) {
    const std::int64_t height = std::min<std::int64_t>(tile_side, tiles.height - place.y);
    for (std::int64_t tile = 0; tile < present; tile += tiles_at_once) {
        Vector columns[points_across][tiles_at_once][tile_side];
        const float* of_group = weights;
        for (int j = 0; j < points_across; ++j) {
            Vector sums[points_across][tiles_at_once]{};
            for (std::int64_t f = 0; f < groups.from; ++f)
                for (int i = 0; i < points_across; ++i, of_group += packet) {
                    const float* const of_tiles =
                        inputs + ((i * points_across + j) * groups.from + f) * packet + tile;
                    const Vector weight = load<Vector>(of_group);
                    for (int r = 0; r < tiles_at_once; ++r)
                        sums[i][r] = multiply_add(of_tiles[r], weight, sums[i][r]);
                }
            for (int r = 0; r < tiles_at_once; ++r) {
                Vector column[points_across];
                for (int i = 0; i < points_across; ++i) column[i] = sums[i][r];
                restore_output(column, columns[j][r]);
            }
        }
        for (int r = 0; r < std::min<std::int64_t>(tiles_at_once, present - tile); ++r) {
            const std::int64_t x = (tile + r) * tile_side,
                               width = std::min<std::int64_t>(tile_side, tiles.width - place.x - x);
            for (int i = 0; i < height; ++i) {
                Vector row[points_across], outputs[tile_side];
                for (int j = 0; j < points_across; ++j) row[j] = columns[j][r][i];
                restore_output(row, outputs);
                const std::int64_t pixel = numbers.first + i * numbers.step + x;
                epilogue.write(pixel * groups.to + t, groups.to, t, outputs, width);
            }
        }
    }
}

/// Chunks are written to the image.
template <class To>
struct Image {
    Epilogue<To> epilogue;
    std::int64_t width;

    PixelNumbers numbers(const ImageTiles::Place& place) const {
        return {place.first_pixel + place.y * width + place.x, width};
    }
    void finish(const ImageTiles::Place&, std::int64_t, std::int64_t) const {}
};

/// Chunks are the input of a 1×1 convolution, and are kept in the cache for it.
template <class Weights>
struct Pointwise {
    using Input = typename Weights::Input;
    static constexpr std::int64_t columns = chunk_tiles * tile_side;
    const Weights& weights;
    const Epilogue<float>& last;
    std::int64_t width;
    ScratchOf<Input> chunk;
    Epilogue<Input> epilogue;

    PixelNumbers numbers(const ImageTiles::Place&) const { return {0, columns}; }
    void finish(const ImageTiles::Place& place, std::int64_t rows, std::int64_t present) const {
        for (std::int64_t i = 0; i < rows; ++i)
            weights.multiply(place.first_pixel + (place.y + i) * width + place.x, present,
                             chunk.get() + i * columns * weights.from(), last);
    }
};

/// `make_destination` makes an Image or a Pointwise for each thread.
template <class MakeDestination>
void expand(const Conv2dShape& s, const Taps& taps, const StoredImage& images, const float* weight,
            const MakeDestination& make_destination) {
    const Groups groups(s, taps, weight);
    const Scratch weights = transformed_weights(groups);
    const ImageTiles tiles(s);
    const std::int64_t chunks = divide_up(tiles.across, chunk_tiles);
#pragma omp parallel
    {
        const auto destination = make_destination();
        ChunkOfRow chunk(s, groups);
        const auto inputs = uninitialised(points * groups.from * packet);
#pragma omp for schedule(dynamic)
        for (std::int64_t item = 0; item < s.batch * tiles.down * chunks; ++item) {
            const std::int64_t column = item % chunks * chunk_tiles,
                               present = std::min(chunk_tiles, tiles.across - column);
            const auto place = tiles.place(item / chunks * tiles.across + column);
            chunk.load(images, place);
            transform_inputs(groups, chunk, inputs.get());
            for (std::int64_t t = 0; t < groups.to; t += packet)
                write_outputs(groups, tiles, place, present, inputs.get(),
                              weights.get() + t * points * groups.from, t, destination.numbers(place),
                              destination.epilogue);
            destination.finish(place, std::min<std::int64_t>(tile_side, s.height - place.y),
                               std::min(present * tile_side, s.width - place.x));
        }
    }
}

template <class Weights>
void expand_and_multiply(const Conv2dShape& s, const Conv2dForward<float>& pass, const Weights& weights,
                         const Conv2dForward<float>& last) {
    using Destination = Pointwise<Weights>;
    constexpr std::int64_t pixels = tile_side * Destination::columns, of_last_row = Destination::columns;
    const Epilogue epilogue(last);
    expand(s, Taps(s, false), pass.input, pass.weight, [&] {
        const std::int64_t padded = pixels - of_last_row + weights.pixels_read(of_last_row);
        auto chunk = zeros<typename Weights::Input>(padded * s.out_channels);
        const Epilogue to_chunk(with_output(pass, chunk.get()));
        return Destination{weights, epilogue, s.width, std::move(chunk), to_chunk};
    });
}

}  // namespace

bool winograd_expand_supports(const Conv2dShape& s, const Taps& taps) {
    // With one tap in the last group, a tile would depend on pixels beyond the kernel's radius.
    const bool is_split = s.kernel_height % group_side != 1 && s.kernel_width % group_side != 1;
    const Groups groups(s, taps);
    return taps.from <= max_few_channels && taps.to % channel_unit == 0 && is_split &&
           groups.down * groups.across >= 9;
}

template <class In, class Out>
void winograd_expand_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    expand(s, Taps(s, false), pass.input, pass.weight, [&] { return Image<Out>{Epilogue(pass), s.width}; });
}

template <class In, class Out>
void winograd_expand_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    expand(s, Taps(s, true), pass.output_gradient, pass.weight, [&] {
        return Image<In>{Epilogue(pass), s.width};
    });
}

void winograd_expand_pointwise_forward(const Conv2dShape& s, const Conv2dForward<float>& pass,
                                       const Conv2dShape& pointwise, const Conv2dForward<float>& last) {
    expand_and_multiply(s, pass, PointwiseWeights(pointwise, false, last.weight), last);
}

void winograd_expand_bfloat16_pointwise_forward(const Conv2dShape& s, const Conv2dForward<float>& pass,
                                                const Conv2dShape& pointwise,
                                                const Conv2dForward<float>& last) {
    expand_and_multiply(s, pass, Bfloat16PointwiseWeights(pointwise, last.weight), last);
}

DNSP_INSTANTIATE_STORED(winograd_expand_forward);
DNSP_INSTANTIATE_STORED(winograd_expand_backward_input);

}  // namespace dnsp::kernels::cpu::detail
