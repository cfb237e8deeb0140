#include "kernels/conv2d/cpu/winograd.hpp"

#include <unistd.h>

#include <algorithm>

#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/conv2d/cpu/winograd_tiles.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using namespace winograd;

/// Chunks are multiples of it, because the rows of a GEMM are.
constexpr int chunk_unit = 6;
static_assert(chunk_unit % tile_rows == 0 && max_chunk % chunk_unit == 0);

/// Bytes of this processor's L2 cache; 1 MiB if the system does not tell.
std::int64_t level2_cache_bytes() {
#ifdef _SC_LEVEL2_CACHE_SIZE
    static const std::int64_t bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0) return bytes;
#endif
    return 1 << 20;
}

/// Tiles per chunk, a multiple of chunk_unit from 12 to 30. Their transforms fit into L2, if possible
/// together with the weights. The number does not change results.
std::int64_t tiles_per_chunk(std::int64_t bytes_of_weights, std::int64_t bytes_of_tile) {
    const std::int64_t cache = level2_cache_bytes(), beside_weights = cache / 5 * 4 - bytes_of_weights;
    const std::int64_t room = beside_weights > 0 ? beside_weights : cache;
    return std::clamp<std::int64_t>(room / bytes_of_tile / chunk_unit * chunk_unit, 2 * chunk_unit,
                                    max_chunk);
}

/// Weights of the convolution, or of its backward pass, which turns the taps by 180° and exchanges the
/// channels.
struct Weights {
    const float* values;
    std::int64_t from, to, from_stride, to_stride, tap_stride;
    bool turned;

    Weights(const Conv2dShape& s, const float* weight, bool backward)
        : values(weight),
          from(backward ? s.out_channels : s.in_channels),
          to(backward ? s.in_channels : s.out_channels),
          from_stride(backward ? 9 * s.in_channels : 1),
          to_stride(backward ? 1 : 9 * s.in_channels),
          tap_stride(s.in_channels),
          turned(backward) {}

    /// Transforms the taps between channel f and a vector of channels from t on: write(point, element).
    template <class Write>
    void transform(std::int64_t f, std::int64_t t, Write&& write) const {
        transform_both_ways(
            transform_weight,
            [&](int i, int j) {
                const int tap = turned ? 8 - (3 * i + j) : 3 * i + j;
                const float* const first = values + tap * tap_stride + f * from_stride + t * to_stride;
                Vector taps;
                for (int lane = 0; lane < packet; ++lane) taps[lane] = first[lane * to_stride];
                return taps;
            },
            [&](int i, int j, const Vector& element) { write(i * points_across + j, element); });
    }
};

// ---- Products of the transforms: sums[tile, t] = Σ_f tiles[tile, f] · weights[f, t] at each point, for a
// chunk of tiles

/// In float32, summed in the order of f.
class Float32Products {
  public:
    using Factor = float;

    explicit Float32Products(const Weights& w)
        : from_(w.from), to_(w.to), weights_(uninitialised(points * w.from * w.to)) {
        const std::int64_t panel = panel_vectors(to_) * packet;
#pragma omp parallel for schedule(static)
        for (std::int64_t t = 0; t < to_; t += packet)
            for (std::int64_t f = 0; f < from_; ++f)
                w.transform(f, t, [&](int point, const Vector& element) {
                    store(weights_.get() + point * from_ * to_ + t / panel * panel * from_ + f * panel +
                              t % panel,
                          element);
                });
    }
    void multiply(int point, std::int64_t chunk, const float* tiles, float* sums) const {
        const float* const weights = weights_.get() + point * from_ * to_;
        with_panels_of(to_, [&]<int vectors>() {
            constexpr std::int64_t panel = vectors * packet;
            for (std::int64_t t = 0; t < to_; t += panel)
                for (std::int64_t row = 0; row < chunk; row += tile_rows) {
                    Tile<tile_rows, vectors> tile{};
                    multiply_tile<tile_rows, vectors>(from_, tiles + row * from_, from_, 1,
                                                      weights + t * from_, panel, tile);
                    store_tile<tile_rows, vectors>(tile, sums + row * to_ + t, to_);
                }
        });
    }

  private:
    std::int64_t from_, to_;
    Scratch weights_;  ///< [point][panel][from][channel of the panel]
};

/// In bfloat16, by the unit of this process.
class Bfloat16Products {
  public:
    using Factor = bfloat16;

    explicit Bfloat16Products(const Weights& w)
        : unit_(*bfloat16_unit()),
          from_(w.from),
          to_(w.to),
          panel_(panel_channels(w.to, unit_.max_channels)),
          weights_(uninitialised<bfloat16>(points * w.from * w.to)) {
#pragma omp parallel for schedule(static)
        for (std::int64_t t = 0; t < to_; t += packet)
            for (std::int64_t f = 0; f < from_; f += 2) {
                Vector even[points];
                w.transform(f, t, [&](int point, const Vector& element) { even[point] = element; });
                w.transform(f + 1, t, [&](int point, const Vector& odd) {
                    bfloat16* const pairs =
                        weights_.get() +
                        (point * from_ * to_ + t / panel_ * panel_ * from_ + f * panel_ + 2 * (t % panel_));
                    for (int lane = 0; lane < packet; ++lane) {
                        pairs[2 * lane] = bfloat16(even[point][lane]);
                        pairs[2 * lane + 1] = bfloat16(odd[lane]);
                    }
                });
            }
    }
    void multiply(int point, std::int64_t chunk, const bfloat16* tiles, float* sums) const {
        const bfloat16* const weights = weights_.get() + point * from_ * to_;
        for (std::int64_t t = 0; t < to_; t += panel_)
            Bfloat16Session(unit_).multiply({.rows = chunk,
                                             .channels = panel_,
                                             .depth = from_,
                                             .parts = 1,
                                             .a = &tiles,
                                             .a_stride = from_,
                                             .b = weights + t * from_,
                                             .sums = sums + t,
                                             .sums_stride = to_});
    }

  private:
    const Bfloat16Unit& unit_;
    std::int64_t from_, to_, panel_;
    ScratchOf<bfloat16> weights_;  ///< [point][panel][from / 2][channel of the panel][2]
};

/// Writes the output of tile `number`, the n-th tile of its chunk, from the sums of the chunk.
template <class T>
void restore_tile(const ImageTiles& tiles, std::int64_t number, std::int64_t n, std::int64_t chunk,
                  std::int64_t channels, const float* sums, const Epilogue<T>& epilogue) {
    const auto [first_pixel, y, x] = tiles.place(number);
    const std::int64_t height = tiles.height - y, width = tiles.width - x,
                       corner = first_pixel + y * tiles.width + x;
    const bool next_is_right = width > 2 * tile_side;
    for (std::int64_t c = 0; c < channels; c += packet)
        transform_both_ways(
            restore_output,
            [&](int i, int j) {
                return load<Vector>(sums + ((i * points_across + j) * chunk + n) * channels + c);
            },
            [&](int i, int j, const Vector& element) {
                if (i >= height || j >= width) return;
                const std::int64_t pixel = corner + i * tiles.width + j;
                if (next_is_right) epilogue.prefetch((pixel + tile_side) * channels + c);
                epilogue.write(pixel * channels + c, c, element);
            });
}

/// `backward`: the images are output gradients, and the results input gradients.
template <class Products, class From, class To>
void convolve(const Conv2dShape& s, bool backward, const From* images, const float* weight,
              const Epilogue<To>& epilogue) {
    using Factor = typename Products::Factor;
    const Weights weights(s, weight, backward);
    const std::int64_t from = weights.from, to = weights.to;
    const Products products(weights);
    const ImageTiles tiles(s);
    const std::int64_t factor_bytes = sizeof(Factor), sum_bytes = float_bytes,
                       chunk = tiles_per_chunk(points * from * to * factor_bytes,
                                               points * (from * factor_bytes + to * sum_bytes));
#pragma omp parallel
    {
        const auto outside = zeros<From>(from);
        const auto transformed = uninitialised<Factor>(points * chunk * from);
        const auto sums = uninitialised(points * chunk * to);
#pragma omp for schedule(dynamic)
        for (std::int64_t begin = 0; begin < tiles.count; begin += chunk) {
            const std::int64_t present = std::min(chunk, tiles.count - begin);
            transform_chunk(tiles, begin, present, chunk, from, images, outside.get(), transform_input, 1,
                            transformed.get());
            for (int point = 0; point < points; ++point) {
                Factor* const rows = transformed.get() + point * chunk * from;
                std::fill(rows + present * from, rows + chunk * from, Factor(0.0f));
                products.multiply(point, chunk, rows, sums.get() + point * chunk * to);
            }
            for (std::int64_t n = 0; n < present; ++n)
                restore_tile(tiles, begin + n, n, chunk, to, sums.get(), epilogue);
        }
    }
}

}  // namespace

bool winograd_supports(const Conv2dShape& s) {
    return s.kernel_height == 3 && s.kernel_width == 3 && s.in_channels % channel_unit == 0 &&
           s.out_channels % channel_unit == 0;
}

template <class In, class Out>
void winograd_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    convolve<Float32Products>(s, false, pass.input, pass.weight, Epilogue(pass));
}

template <class In, class Out>
void winograd_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    convolve<Float32Products>(s, true, pass.output_gradient, pass.weight, Epilogue(pass));
}

template <class In, class Out>
void bfloat16_winograd_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    convolve<Bfloat16Products>(s, false, pass.input, pass.weight, Epilogue(pass));
}

template <class In, class Out>
void bfloat16_winograd_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    convolve<Bfloat16Products>(s, true, pass.output_gradient, pass.weight, Epilogue(pass));
}

DNSP_INSTANTIATE_STORED(winograd_forward);
DNSP_INSTANTIATE_STORED(winograd_backward_input);
DNSP_INSTANTIATE_STORED(bfloat16_winograd_forward);
DNSP_INSTANTIATE_STORED(bfloat16_winograd_backward_input);

}  // namespace dnsp::kernels::cpu::detail
