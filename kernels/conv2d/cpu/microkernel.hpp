#pragma once

// Shared by the convolutions on the CPU that sum in float32: vectors of channels, microkernels, epilogues,
// and sums over pixels in parts. Images are stored as float or bfloat16 and are float in registers.
#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "base/divide_up.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu::detail {

/// Floats per vector register (AVX-512: 16, AVX: 8, SSE and NEON: 4).
constexpr int packet = Eigen::internal::packet_traits<float>::size;
using Vector [[gnu::vector_size(packet * sizeof(float))]] = float;

constexpr std::size_t float_bytes = sizeof(float);
/// Lanes of a vector, or 1 for a float.
template <class V>
constexpr int lanes_of = sizeof(V) / float_bytes;

/// The bits of a vector V of floats, and the bits of as many bfloat16.
template <class V>
struct BitsOf {
    using Wide [[gnu::vector_size(sizeof(V))]] = std::uint32_t;
    using Narrow [[gnu::vector_size(sizeof(V) / 2)]] = std::uint16_t;
};

template <class V>
inline V load(const float* from) {
    V values;
    std::memcpy(&values, from, sizeof(V));
    return values;
}
template <class V>
inline V load(const bfloat16* from) {
    if constexpr (lanes_of<V> == 1) {
        return static_cast<float>(*from);
    } else {
        typename BitsOf<V>::Narrow bits;
        std::memcpy(&bits, from, sizeof(bits));
#ifdef __AVX512F__
        // One instruction where GCC 12 converts the generic vector in halves.
        if constexpr (lanes_of<V> == 16)
            return std::bit_cast<V>(
                _mm512_slli_epi32(_mm512_cvtepu16_epi32(std::bit_cast<__m256i>(bits)), 16));
#endif
        return std::bit_cast<V>(__builtin_convertvector(bits, typename BitsOf<V>::Wide) << 16);
    }
}
template <class V>
inline void store(float* to, V values) {
    std::memcpy(to, &values, sizeof(V));
}
/// Rounds like bfloat16(float). Whether a denormal number becomes 0 depends on the processor.
template <class V>
inline void store(bfloat16* to, V values) {
    if constexpr (lanes_of<V> == 1) {
        *to = bfloat16(values);
#ifdef __AVX512BF16__
    } else if constexpr (lanes_of<V> == 16) {
        const __m256bh narrow = _mm512_cvtneps_pbh(std::bit_cast<__m512>(values));  // VCVTNEPS2BF16
        std::memcpy(static_cast<void*>(to), &narrow, sizeof(narrow));
#endif
    } else {
        using Wide = typename BitsOf<V>::Wide;
        const Wide bits = std::bit_cast<Wide>(values), rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16,
                   chosen = (bits & 0x7fffffffu) > 0x7f800000u ? Wide{} + 0x7fffu : rounded;
        const auto narrow = __builtin_convertvector(chosen, typename BitsOf<V>::Narrow);
        std::memcpy(static_cast<void*>(to), &narrow, sizeof(narrow));
    }
}
/// Copies `count` values, which become float or are rounded to bfloat16.
template <class From, class To>
inline void copy_values(const From* from, std::int64_t count, To* to) {
    if constexpr (std::is_same_v<From, To>) {
        std::copy_n(from, count, to);
    } else {
        std::int64_t i = 0;
        for (; i + packet <= count; i += packet) store(to + i, load<Vector>(from + i));
        for (; i < count; ++i) to[i] = static_cast<To>(from[i]);
    }
}

/// An image of floats or bfloat16 from which whole rows are copied. Not a template, so that the algorithms
/// that copy rows are compiled once.
class StoredImage {
  public:
    StoredImage(const float* values) : floats_(values) {}
    StoredImage(const bfloat16* values) : narrow_(values) {}

    /// The values from an element on as floats; null if they are stored as bfloat16.
    const float* floats(std::int64_t first) const { return floats_ ? floats_ + first : nullptr; }
    /// The values from an element on, if they are stored as T; else null.
    template <class T>
    const T* stored_as(std::int64_t first) const {
        if constexpr (std::is_same_v<T, float>)
            return floats(first);
        else
            return narrow_ ? narrow_ + first : nullptr;
    }
    template <class To>
    void copy(std::int64_t first, std::int64_t count, To* to) const {
        if (floats_)
            copy_values(floats_ + first, count, to);
        else
            copy_values(narrow_ + first, count, to);
    }

  private:
    const float* floats_ = nullptr;
    const bfloat16* narrow_ = nullptr;
};

using Packet = Eigen::internal::packet_traits<float>::type;
static_assert(sizeof(Packet) == sizeof(Vector));
inline Vector broadcast(float value) { return std::bit_cast<Vector>(Eigen::internal::pset1<Packet>(value)); }
/// kernels/multiply_add.hpp in each lane.
inline Vector multiply_add(Vector a, Vector b, Vector c) {
    return std::bit_cast<Vector>(
        Eigen::internal::pmadd(std::bit_cast<Packet>(a), std::bit_cast<Packet>(b), std::bit_cast<Packet>(c)));
}
inline Vector multiply_add(float a, Vector b, Vector c) { return multiply_add(broadcast(a), b, c); }

/// Channel counts divisible by it fill whole vectors on every processor.
constexpr std::int64_t channel_unit = 16;

/// Memory aligned to a cache line, so that no vector spans two lines.
struct FreeScratch {
    void operator()(void* values) const { std::free(values); }
};
template <class T>
using ScratchOf = std::unique_ptr<T[], FreeScratch>;
using Scratch = ScratchOf<float>;
template <class T = float>
inline ScratchOf<T> uninitialised(std::int64_t count) {
    constexpr std::size_t line = 64, of_line = line / sizeof(T);
    const std::size_t lines = (static_cast<std::size_t>(count) + of_line - 1) / of_line;
    ScratchOf<T> scratch(static_cast<T*>(std::aligned_alloc(line, line * lines)));
    if (!scratch && lines > 0) throw std::bad_alloc();
    return scratch;
}
template <class T = float>
inline ScratchOf<T> zeros(std::int64_t count) {
    auto scratch = uninitialised<T>(count);
    std::fill_n(scratch.get(), count, T(0.0f));
    return scratch;
}

// ---- GEMMs of register tiles

/// Size of a register tile: vectors of neighbouring channels × rows, as many sums as registers hold.
constexpr int max_vectors = packet >= 16 ? 4 : 16 / packet;
constexpr int tile_rows = packet >= 8 ? 6 : 3;

/// Vectors per panel. A panel is the channels that are summed at once, a multiple of 16.
constexpr int panel_vectors(std::int64_t channels) {
    int vectors = max_vectors;
    while (channels % (vectors * packet) != 0) --vectors;
    return vectors;
}

/// Calls use.operator()<v>() with v = panel_vectors(channels).
template <int vectors = max_vectors, class Use>
inline void with_panels_of(std::int64_t channels, Use&& use) {
    if constexpr (vectors > 1)
        if (vectors != panel_vectors(channels)) return with_panels_of<vectors - 1>(channels, use);
    use.template operator()<vectors>();
}

/// Packs weight(row, channel) as packed[panel][row][channel of the panel].
template <class Weight>
inline Scratch packed_in_panels(std::int64_t rows, std::int64_t channels, std::int64_t panel,
                                const Weight& weight) {
    Scratch packed = uninitialised(rows * channels);
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t c = 0; c < channels; ++c)
            packed[static_cast<std::size_t>((c / panel * rows + row) * panel + c % panel)] = weight(row, c);
    return packed;
}

template <int rows, int vectors>
using Tile = Vector[rows][vectors];

/// Loads or stores values[r · step + v-th vector].
template <int rows, int vectors>
inline void load_tile(const float* values, std::int64_t step, Tile<rows, vectors>& tile) {
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) tile[r][v] = load<Vector>(values + r * step + v * packet);
}
template <int rows, int vectors>
inline void store_tile(const Tile<rows, vectors>& tile, float* values, std::int64_t step) {
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) store(values + r * step + v * packet, tile[r][v]);
}

/// sums[r][v] += Σ_k a[r · a_row + k · a_step] · b[k · b_step + v-th vector], k < count, in the order of k.
template <int rows, int vectors>
inline void multiply_tile(std::int64_t count, const float* a, std::int64_t a_row, std::int64_t a_step,
                          const float* b, std::int64_t b_step, Tile<rows, vectors>& sums) {
    for (std::int64_t k = 0; k < count; ++k) {
        Vector b_row[vectors];
        for (int v = 0; v < vectors; ++v) b_row[v] = load<Vector>(b + k * b_step + v * packet);
        for (int r = 0; r < rows; ++r)
            for (int v = 0; v < vectors; ++v)
                sums[r][v] = multiply_add(a[r * a_row + k * a_step], b_row[v], sums[r][v]);
    }
}

/// sums[o, c] += Σ_k gradients[k, o] · inputs[k, c], k < count. Precondition: `out` is a multiple of 4.
inline void accumulate_products(std::int64_t count, std::int64_t out, const float* gradients, std::int64_t in,
                                const float* inputs, float* sums) {
    constexpr int rows = 4;
    with_panels_of(in, [&]<int vectors>() {
        for (std::int64_t c = 0; c < in; c += vectors * packet)
            for (std::int64_t o = 0; o < out; o += rows) {
                Tile<rows, vectors> tile;
                load_tile<rows, vectors>(sums + o * in + c, in, tile);
                multiply_tile<rows, vectors>(count, gradients + o, 1, out, inputs + c, in, tile);
                store_tile<rows, vectors>(tile, sums + o * in + c, in);
            }
    });
}

/// sums[c] += Σ_k values[k, c], k < count. Accumulates in float, so `count` must be small.
inline void add_over_pixels(std::int64_t count, std::int64_t channels, const float* values, double* sums) {
    for (std::int64_t c = 0; c < channels; c += packet) {
        Vector sum{};
        for (std::int64_t k = 0; k < count; ++k) sum += load<Vector>(values + k * channels + c);
        for (int lane = 0; lane < packet; ++lane) sums[c + lane] += sum[lane];
    }
}

// ---- Epilogues

/// Applied to the sums of a forward pass, or of a backward pass to the input, before they are written to an
/// image of T.
template <class T>
struct Epilogue {
    const float* bias;
    float scale;
    const T* residual;
    bool relu;
    const T* relu_output;
    T* output;

    template <class In>
    explicit Epilogue(const Conv2dForward<In, T>& pass)
        : bias(pass.bias),
          scale(static_cast<float>(pass.epilogue.scale)),
          residual(pass.epilogue.residual),
          relu(pass.epilogue.activation == Activation::relu),
          relu_output(nullptr),
          output(pass.output) {}
    template <class Out>
    explicit Epilogue(const Conv2dBackwardInput<T, Out>& pass)
        : bias(nullptr),
          scale(static_cast<float>(pass.scale)),
          residual(pass.accumulate),
          relu(false),
          relu_output(pass.relu_output),
          output(pass.input_gradient) {}

    /// Prefetches the memory that write() will access for the following elements.
    void prefetch(std::int64_t element) const {
        __builtin_prefetch(output + element, 1);
        if (residual) __builtin_prefetch(residual + element);
        if (relu_output) __builtin_prefetch(relu_output + element);
    }
    /// Writes a vector of neighbouring elements, or one element. `channel` is the channel of the first.
    template <class V>
    void write(std::int64_t element, std::int64_t channel, V sums) const {
        V one[] = {sums};
        write(element, 0, channel, one, 1);
    }
    /// The same for the first `count` of n pixels, which are `step` elements apart. `known` is what the
    /// epilogue does, if it is known at compile time: actions().
    template <int known = -1, class V, int n>
    [[gnu::always_inline]] void write(std::int64_t element, std::int64_t step, std::int64_t channel,
                                      V (&sums)[n], std::int64_t count) const {
        if (does<known>(adds_bias, bias)) {
            const V offset = load<V>(bias + channel);
            for (V& sum : sums) sum += offset;
        }
        if (does<known>(scales, scale != 1.0f))
            for (V& sum : sums) sum *= scale;
        if (does<known>(adds_residual, residual))
            for (std::int64_t p = 0; p < count; ++p) sums[p] += load<V>(residual + element + p * step);
        if (does<known>(clips, relu))
            for (V& sum : sums) sum = sum < V{} ? V{} : sum;
        if (does<known>(masks, relu_output))
            for (std::int64_t p = 0; p < count; ++p)
                sums[p] = load<V>(relu_output + element + p * step) > V{} ? sums[p] : V{};
        for (std::int64_t p = 0; p < count; ++p) store(output + element + p * step, sums[p]);
    }

    /// What the epilogue does: a sum of these.
    static constexpr int adds_bias = 1, scales = 2, adds_residual = 4, clips = 8, masks = 16,
                         all_actions = 32;
    int actions() const {
        return adds_bias * (bias != nullptr) | scales * (scale != 1.0f) |
               adds_residual * (residual != nullptr) | clips * relu | masks * (relu_output != nullptr);
    }

  private:
    template <int known>
    static constexpr bool does(int action, bool at_run_time) {
        return known < 0 ? at_run_time : (known & action) != 0;
    }
};

/// A pass without residual, with another output.
template <class To>
inline Conv2dForward<float, To> with_output(const Conv2dForward<float>& pass, To* output) {
    return {.input = pass.input,
            .weight = pass.weight,
            .bias = pass.bias,
            .epilogue = {pass.epilogue.activation, pass.epilogue.scale},
            .output = output};
}

// ---- Sums in parts

/// Splits `items` items into at most 16 parts whose size is a multiple of `unit` and at least `min_size`. A
/// part is summed by one thread. The partition depends on `items` only, so that results do not depend on the
/// number of threads.
struct Parts {
    static constexpr std::int64_t max_count = 16;
    std::int64_t items, size, count;

    Parts(std::int64_t items_, std::int64_t unit, std::int64_t min_size)
        : items(items_),
          size(std::max(min_size, unit * divide_up(items, unit * max_count))),
          count(divide_up(items, size)) {}
    std::int64_t begin(std::int64_t part) const { return part * size; }
    std::int64_t end(std::int64_t part) const { return std::min(items, (part + 1) * size); }
};

/// Weight and bias gradients, one pair per part. They are added in the order of the parts, so that the result
/// does not depend on the number of threads.
class PartialGradients {
  public:
    PartialGradients(std::int64_t parts, std::int64_t weights, std::int64_t channels)
        : parts_(parts),
          weights_(weights),
          channels_(channels),
          weight_(uninitialised(parts * weights)),
          bias_(static_cast<std::size_t>(parts * channels), 0.0) {}

    float* weight(std::int64_t part) { return weight_.get() + part * weights_; }
    double* bias(std::int64_t part) { return bias_.data() + part * channels_; }

    /// Must be called by all threads of a parallel region. `weights` must be a multiple of the vector width.
    void add_weights(double scale, float* gradient) const {
#pragma omp for schedule(static)
        for (std::int64_t i = 0; i < weights_; i += packet) {
            Vector sum{};
            for (std::int64_t part = 0; part < parts_; ++part)
                sum += load<Vector>(weight_.get() + part * weights_ + i);
            store(gradient + i, static_cast<float>(scale) * sum);
        }
    }
    /// Adds the first `count` channels. `gradient` may be null: nothing is done.
    void add_biases(double scale, std::int64_t count, float* gradient) const {
        if (!gradient) return;
        for (std::int64_t c = 0; c < count; ++c) {
            double sum = 0.0;
            for (std::int64_t part = 0; part < parts_; ++part)
                sum += bias_[static_cast<std::size_t>(part * channels_ + c)];
            gradient[c] = static_cast<float>(scale * sum);
        }
    }

  private:
    std::int64_t parts_, weights_, channels_;
    Scratch weight_;
    std::vector<double> bias_;
};

/// Instantiates name<In, Out> for all types of images.
#define DNSP_INSTANTIATE_STORED(name)                                     \
    template decltype(name<float, float>) name<float, float>;             \
    template decltype(name<bfloat16, bfloat16>) name<bfloat16, bfloat16>; \
    template decltype(name<float, bfloat16>) name<float, bfloat16>;       \
    template decltype(name<bfloat16, float>) name<bfloat16, float>

}  // namespace dnsp::kernels::cpu::detail
