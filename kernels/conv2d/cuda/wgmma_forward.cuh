#pragma once

// The roles within the blocks of wgmma_forward.cu: one thread copies, warpgroups multiply and write.
//
//   sums[channel, pixel] = Σ_tap,c weight[channel, tap, c] · input[pixel + tap, c]
//
// Output channels are the rows of the GEMM, pixels of a box its columns. The backward pass to the input is
// the same with flipped taps and exchanged channels.
//
// A step of the sum is one tap and a slab of 64 input channels. All taps of a kernel column share a taller
// box of pixels: the next image row begins a whole number of patterns later in shared memory, where a
// descriptor may begin. TMA fills pixels outside the image with zeros.
#include "kernels/conv2d/cuda/wgmma.cuh"

namespace dnsp::kernels::cuda::detail::wgmma {

constexpr int columns = 200, box_rows = 280, pixel_stages = 2;
constexpr int pixel_stage_bytes = box_rows * row_bytes, staging_bytes = columns * row_bytes;

/// A block of `warpgroups` multiplying warpgroups with 64 · `tiles` output channels each, and one copying
/// warpgroup.
template <int warpgroups_, int tiles_, int weight_stages_, int resident_, int copying_registers_,
          int multiplying_registers_>
struct Blocking {
    static constexpr int warpgroups = warpgroups_, tiles = tiles_, weight_stages = weight_stages_;
    static constexpr int resident = resident_;  ///< blocks per SM
    static constexpr int copying_registers = copying_registers_,
                         multiplying_registers = multiplying_registers_;
    static constexpr int threads = (warpgroups + 1) * warpgroup_threads, channels = 64 * warpgroups * tiles;
    static constexpr int weight_stage_bytes = channels * row_bytes;
    static constexpr int pixels_at = 0, weights_at = pixels_at + pixel_stages * pixel_stage_bytes,
                         staging_at = weights_at + weight_stages * weight_stage_bytes,
                         shared_bytes = staging_at + warpgroups * staging_bytes;
};
using Channels256 = Blocking<2, 2, 3, 1, 24, 240>;
using Channels128 = Blocking<2, 1, 4, 1, 24, 240>;
using Channels64 = Blocking<1, 1, 2, 2, 24, 208>;

/// An image of the output's shape that the epilogue reads.
enum class Companion { none, residual, relu_output };

/// Epilogue: output = residual + scale · (sum + bias), then max(·, 0) if `relu`, then 0 wherever relu_output
/// is not positive.
struct Problem {
    int slabs, kernel_height, kernel_width;
    PixelBoxes boxes;
    int channel_blocks, tiles;  ///< blocks of output channels; boxes of all images × channel_blocks
    float scale;
    bool relu;
    Companion companion;
    const float* bias;
};

struct Maps {
    simt::TensorMap input, weight, companion, output;
};

template <class B>
struct Shared {
    unsigned char *pixels, *weights, *staging;
    RingBarriers<pixel_stages> pixel_ring;
    RingBarriers<B::weight_stages> weight_ring;
    std::uint64_t* companions;  ///< one barrier per multiplying warpgroup
};

/// Run by one thread: keeps both rings filled.
template <class B>
__device__ __forceinline__ void copy(const Problem& p, const Maps& maps, const Shared<B>& shared) {
    const int box_bytes = p.boxes.width * (p.boxes.height + p.kernel_height - 1) * row_bytes;
    Ring<pixel_stages> pixels;
    Ring<B::weight_stages> weights;
    for (int tile = static_cast<int>(blockIdx.x); tile < p.tiles; tile += static_cast<int>(gridDim.x)) {
        const auto place = p.boxes.place(tile / p.channel_blocks);
        const int first_channel = tile % p.channel_blocks * B::channels;
        for (int slab = 0; slab < p.slabs; ++slab)
            for (int tap_x = 0; tap_x < p.kernel_width; ++tap_x) {
                simt::load_box(shared.pixels + pixels.stage * pixel_stage_bytes, maps.input,
                               shared.pixel_ring.begin_copies(pixels, box_bytes), slab * slab_channels,
                               place.x + tap_x - p.kernel_width / 2, place.y - p.kernel_height / 2,
                               place.image);
                pixels.advance();
                for (int tap_y = 0; tap_y < p.kernel_height; ++tap_y) {
                    simt::load_box(shared.weights + weights.stage * B::weight_stage_bytes, maps.weight,
                                   shared.weight_ring.begin_copies(weights, B::weight_stage_bytes),
                                   slab * slab_channels, first_channel, tap_y * p.kernel_width + tap_x, 0);
                    weights.advance();
                }
            }
    }
}

/// A multiplying warpgroup. It also writes the results.
template <class B>
struct Multiplier {
    const Problem& p;
    const Maps& maps;
    const Shared<B>& shared;
    const int group = in_common(static_cast<int>(threadIdx.x) / warpgroup_threads) - 1;
    const int thread = static_cast<int>(threadIdx.x) % warpgroup_threads, warp = thread / 32,
              lane = thread % 32;
    unsigned char* const staging = shared.staging + group * staging_bytes;
    Ring<pixel_stages> pixels{};
    Ring<B::weight_stages> weights{};
    std::uint32_t companion_parity = 0;

    __device__ __forceinline__ void run() {
        for (int tile = static_cast<int>(blockIdx.x); tile < p.tiles; tile += static_cast<int>(gridDim.x)) {
            const auto place = p.boxes.place(tile / p.channel_blocks);
            const int first_channel =
                tile % p.channel_blocks * B::channels + group * B::tiles * slab_channels;
            if (thread == 0) load_companion(place, first_channel);
            float offsets[B::tiles][2];
#pragma unroll
            for (int i = 0; i < B::tiles; ++i) load_bias(first_channel + i * slab_channels, offsets[i]);
            float sums[B::tiles][columns / 2];
            multiply(sums);
#pragma unroll
            for (int i = 0; i < B::tiles; ++i) {
                const int channel = first_channel + i * slab_channels;
                if (thread == 0 && i > 0) load_companion(place, channel);
                choose_and_write(place, channel, offsets[i], sums[i]);
            }
        }
        if (thread == 0) simt::store_box_wait_read<0>();
    }

  private:
    __device__ __forceinline__ void multiply(float (&sums)[B::tiles][columns / 2]) {
        int last_weights = 0, last_pixels = 0;  // stages of the previous step
        bool first = true;
        for (int shared_box = 0; shared_box < p.slabs * p.kernel_width; ++shared_box) {
            shared.pixel_ring.wait_for_copies(pixels);
            for (int tap_y = 0; tap_y < p.kernel_height; ++tap_y) {
                shared.weight_ring.wait_for_copies(weights);
                const auto a = simt::matrix_descriptor(shared.weights +
                                                       in_common(weights.stage) * B::weight_stage_bytes +
                                                       group * B::tiles * slab_channels * row_bytes);
                const auto b =
                    simt::matrix_descriptor(shared.pixels + in_common(pixels.stage) * pixel_stage_bytes +
                                            tap_y * p.boxes.width * row_bytes);
                simt::wgmma_fence();
#pragma unroll
                for (int k = 0; k < row_bytes; k += 32)  // 16 channels
#pragma unroll
                    for (int i = 0; i < B::tiles; ++i)
                        simt::wgmma_bf16<columns, simt::Runs::along_k, simt::Runs::along_k>(
                            sums[i], simt::advanced(a, i * slab_channels * row_bytes + k),
                            simt::advanced(b, k), !first || k > 0);
                simt::wgmma_commit();
                simt::wgmma_wait<1>();  // for the previous step
                if (!first && lane == 0) {
                    shared.weight_ring.release(last_weights);
                    if (tap_y == 0) shared.pixel_ring.release(last_pixels);
                }
                first = false;
                last_weights = weights.stage;
                weights.advance();
            }
            last_pixels = pixels.stage;
            pixels.advance();
        }
        simt::wgmma_wait<0>();
#pragma unroll
        for (int i = 0; i < B::tiles; ++i) simt::settle(sums[i]);
        if (lane != 0) return;
        shared.weight_ring.release(last_weights);
        shared.pixel_ring.release(last_pixels);
    }

    /// The scaled bias of this thread's channels. Read before the products, which hide the latency.
    __device__ __forceinline__ void load_bias(int channel, float (&offset)[2]) const {
        const int first = channel + 16 * warp + lane / 4;
        offset[0] = p.bias ? p.scale * p.bias[first] : 0.0f;
        offset[1] = p.bias ? p.scale * p.bias[first + 8] : 0.0f;
    }

    /// Loads the companion, if there is one, into the staging area, after the previous store has read the
    /// area.
    __device__ __forceinline__ void load_companion(const PixelBoxes::Place& place, int channel) const {
        if (p.companion == Companion::none) return;
        simt::store_box_wait_read<0>();
        std::uint64_t* barrier = shared.companions + group;
        simt::mbarrier_arrive_expect_tx(
            barrier, static_cast<std::uint32_t>(p.boxes.width * p.boxes.height * row_bytes));
        simt::load_box(staging, maps.companion, barrier, channel, place.x, place.y, place.image);
    }

    /// Selects the epilogue once per 100 elements, not for each element.
    __device__ __forceinline__ void choose_and_write(const PixelBoxes::Place& place, int channel,
                                                     const float (&offset)[2],
                                                     const float (&sums)[columns / 2]) {
        if (p.companion == Companion::relu_output)
            write<Companion::relu_output, false>(place, channel, offset, sums);
        else if (p.companion == Companion::residual)
            p.relu ? write<Companion::residual, true>(place, channel, offset, sums)
                   : write<Companion::residual, false>(place, channel, offset, sums);
        else
            p.relu ? write<Companion::none, true>(place, channel, offset, sums)
                   : write<Companion::none, false>(place, channel, offset, sums);
    }

    /// A warp owns 16 of the 64 channels (two chunks of 8) of all pixels. It reads the companion's elements
    /// from the places where it writes its results.
    template <Companion companion, bool relu>
    __device__ __forceinline__ void write(const PixelBoxes::Place& place, int channel,
                                          const float (&offset)[2], const float (&sums)[columns / 2]) {
        if constexpr (companion == Companion::none) {
            if (thread == 0) simt::store_box_wait_read<0>();
            simt::synchronise_warps(1 + group, warpgroup_threads);
        } else {
            simt::mbarrier_wait(shared.companions + group, companion_parity, simt::WaitsFor::copies);
            companion_parity ^= 1u;
        }
        const int chunk = 2 * warp + lane / 8 % 2, row = lane % 8;
        unsigned char* const own = staging + row * row_bytes + (chunk ^ row) * 16;
#pragma unroll
        for (int j = 0; j < columns / 8; ++j) {
            auto* const place_in_row = reinterpret_cast<uint4*>(own + j * pattern_rows * row_bytes);
            std::uint32_t words[2] = {};
            if constexpr (companion != Companion::none) simt::ldmatrix_x2_transposed(words, place_in_row);
#pragma unroll
            for (int half = 0; half < 2; ++half) {  // halves of the channels
                const auto value = [&](float sum, std::uint32_t companion_bits) {
                    const float other = __uint_as_float(companion_bits),
                                result = fma(p.scale, sum, offset[half]);
                    if constexpr (companion == Companion::residual) return result + other;
                    return companion == Companion::none || other > 0.0f ? result : 0.0f;
                };
                words[half] =
                    simt::pack_bfloat16x2<relu>(value(sums[4 * j + 2 * half], words[half] << 16),
                                                value(sums[4 * j + 2 * half + 1], words[half] & 0xffff0000u));
            }
            simt::stmatrix_x2_transposed(place_in_row, words);
        }
        simt::fence_for_bulk_copies();
        simt::synchronise_warps(1 + group, warpgroup_threads);
        if (thread != 0) return;
        simt::store_box(maps.output, channel, place.x, place.y, place.image, staging);
        simt::store_box_commit();
    }
};

}  // namespace dnsp::kernels::cuda::detail::wgmma
