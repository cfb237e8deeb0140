#include <algorithm>

#include "kernels/conv2d_wgmma.cuh"
#include "kernels/conv2d_wgmma.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda::detail {
namespace {

// sums[channel, pixel] = Σ_tap,c weight[channel, tap, c] · input[pixel + tap, c]: output channels are the
// rows of wgmma's products, the pixels of a box its columns. The backward pass to the input is the same with
// flipped taps and the roles of the channels exchanged.
//
// A step of the sum is one tap and a slab of 64 input channels. All taps of a column of the kernel share a
// box of pixels that is as much higher: a row of the image further down is a number of whole patterns further
// on in shared memory, where a descriptor may begin. What lies outside of the image a bulk copy fills with
// zeros.
constexpr int columns = 200, box_rows = 280, pixel_stages = 2;
constexpr int pixel_stage_bytes = box_rows * row_bytes, staging_bytes = columns * row_bytes;

/// A block of threads: `warpgroups` of them multiply, with 64 · `tiles` output channels each; one more
/// copies.
template <int warpgroups_, int tiles_, int weight_stages_, int resident_, int copying_registers_,
          int multiplying_registers_>
struct Blocking {
    static constexpr int warpgroups = warpgroups_, tiles = tiles_, weight_stages = weight_stages_;
    static constexpr int resident = resident_;  ///< blocks that a multiprocessor holds
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

/// An image of the shape of the output that takes part in what is written.
enum class Companion { none, residual, rectified_input };

/// output = residual + scale · (sum + bias), then max(·, 0) where `rectify`, then 0 wherever the rectified
/// input is not positive.
struct Problem {
    int slabs, kernel_height, kernel_width;
    PixelBoxes boxes;
    int channel_blocks, tiles;  ///< blocks of output channels; these times the boxes of all images
    float scale;
    bool rectify;
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
    std::uint64_t* companions;  ///< a barrier for each warpgroup that multiplies
};

/// One thread keeps both rings filled.
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

/// A warpgroup that multiplies, and writes what it has summed.
template <class B>
struct Multiplier {
    const Problem& p;
    const Maps& maps;
    const Shared<B>& shared;
    const int group = static_cast<int>(threadIdx.x) / warpgroup_threads - 1;
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
            float sums[B::tiles][columns / 2];
            multiply(sums);
#pragma unroll
            for (int i = 0; i < B::tiles; ++i) {
                const int channel = first_channel + i * slab_channels;
                if (thread == 0 && i > 0) load_companion(place, channel);
                write(place, channel, sums[i]);
            }
        }
        if (thread == 0) simt::store_box_wait_read<0>();
    }

  private:
    __device__ __forceinline__ void multiply(float (&sums)[B::tiles][columns / 2]) {
        int last_weights = 0, last_pixels = 0;  // the stages of the step before
        bool first = true;
        for (int shared_box = 0; shared_box < p.slabs * p.kernel_width; ++shared_box) {
            shared.pixel_ring.wait_for_copies(pixels);
            for (int tap_y = 0; tap_y < p.kernel_height; ++tap_y) {
                shared.weight_ring.wait_for_copies(weights);
                const auto a =
                    simt::matrix_descriptor(shared.weights + weights.stage * B::weight_stage_bytes +
                                            group * B::tiles * slab_channels * row_bytes);
                const auto b = simt::matrix_descriptor(shared.pixels + pixels.stage * pixel_stage_bytes +
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
                simt::wgmma_wait<1>();  // for the step before
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

    /// Into the staging area, once what has been written there is on its way.
    __device__ __forceinline__ void load_companion(const PixelBoxes::Place& place, int channel) const {
        simt::store_box_wait_read<0>();
        if (p.companion == Companion::none) return;
        std::uint64_t* barrier = shared.companions + group;
        simt::mbarrier_arrive_expecting(
            barrier, static_cast<std::uint32_t>(p.boxes.width * p.boxes.height * row_bytes));
        simt::load_box(staging, maps.companion, barrier, channel, place.x, place.y, place.image);
    }

    /// A warp has 16 of the 64 channels, two chunks of 8, of all pixels: it finds the companion's elements
    /// where it leaves its own.
    __device__ __forceinline__ void write(const PixelBoxes::Place& place, int channel,
                                          const float (&sums)[columns / 2]) {
        if (p.companion == Companion::none) {
            simt::synchronise_warps(1 + group, warpgroup_threads);
        } else {
            simt::mbarrier_wait(shared.companions + group, companion_parity);
            companion_parity ^= 1u;
        }
        float offset[2] = {};
        if (p.bias) {
            const float* bias = p.bias + channel + 16 * warp + lane / 4;
            offset[0] = bias[0];
            offset[1] = bias[8];
        }
        const int chunk = 2 * warp + lane / 8 % 2, row = lane % 8;
        unsigned char* const own = staging + row * row_bytes + (chunk ^ row) * 16;
#pragma unroll
        for (int j = 0; j < columns / 8; ++j) {
            auto* const place_in_row = reinterpret_cast<uint4*>(own + j * pattern_rows * row_bytes);
            std::uint32_t words[2] = {};
            if (p.companion != Companion::none) simt::ldmatrix_x2_transposed(words, place_in_row);
#pragma unroll
            for (int half = 0; half < 2; ++half) {  // of the channels
                const float low = value(sums[4 * j + 2 * half] + offset[half], words[half] << 16),
                            high =
                                value(sums[4 * j + 2 * half + 1] + offset[half], words[half] & 0xffff0000u);
                words[half] = simt::pack_bfloat16x2(low, high);
            }
            simt::stmatrix_x2_transposed(place_in_row, words);
        }
        simt::fence_for_bulk_copies();
        simt::synchronise_warps(1 + group, warpgroup_threads);
        if (thread != 0) return;
        simt::store_box(maps.output, channel, place.x, place.y, place.image, staging);
        simt::store_box_commit();
    }

    __device__ __forceinline__ float value(float sum, std::uint32_t companion_bits) const {
        const float companion = __uint_as_float(companion_bits);
        const float result = (p.companion == Companion::residual ? companion : 0.0f) + p.scale * sum;
        const bool masked = p.companion == Companion::rectified_input && !(companion > 0.0f);
        return masked || (p.rectify && result < 0.0f) ? 0.0f : result;
    }
};

/// A block goes from tile to tile: a box of at most 200 pixels × 256, 128 or 64 output channels, of which
/// each of the warpgroups that multiply owns a half, a thread 4 of 8 × 8 of every 64 × 8. One thread of a
/// further warpgroup keeps copies of the next steps under way, also across tiles. Bound by the tensor cores,
/// with the second-level cache close behind.
template <class B>
__global__ void __launch_bounds__(B::threads, B::resident)
    conv2d_forward_wgmma(const __grid_constant__ Problem p, const __grid_constant__ Maps maps) {
    constexpr int pixel_barriers = 2 * pixel_stages, weight_barriers = 2 * B::weight_stages;
    __shared__ simt::SharedArray<std::uint64_t, pixel_barriers + weight_barriers + B::warpgroups> barriers;
    unsigned char* const memory = simt::dynamic_shared<unsigned char>(B::shared_bytes).data();
    std::uint64_t* const barrier = barriers.data();
    const Shared<B> shared{
        memory + B::pixels_at,
        memory + B::weights_at,
        memory + B::staging_at,
        {barrier, barrier + pixel_stages},
        {barrier + pixel_barriers, barrier + pixel_barriers + B::weight_stages},
        barrier + pixel_barriers + weight_barriers,
    };
    if (threadIdx.x == 0) {
        shared.pixel_ring.initialise(4 * B::warpgroups);
        shared.weight_ring.initialise(4 * B::warpgroups);
        for (int group = 0; group < B::warpgroups; ++group) simt::mbarrier_init(shared.companions + group, 1);
        simt::mbarrier_fence_init();
    }
    __syncthreads();
    if (threadIdx.x < warpgroup_threads) {
        simt::give_up_registers<B::copying_registers>();
        if (threadIdx.x == 0) copy<B>(p, maps, shared);
    } else {
        simt::take_registers<B::multiplying_registers>();
        Multiplier<B>{p, maps, shared}.run();
    }
}

/// packed[tap][out][in], rounded, of weight[out][tap][in]; `backward`: packed[flipped tap][in][out]. Here
/// `in` and `out` are the packed weights'. A thread packs 8 input channels; neighbouring threads have
/// neighbouring output channels.
__global__ void pack_weight(const float* __restrict__ weight, int taps, int in_channels, int out_channels,
                            bool backward, uint4* __restrict__ packed) {
    const auto i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    const int out = static_cast<int>(i % out_channels);
    const int in = static_cast<int>(i / out_channels % (in_channels / 8)) * 8;
    const int tap = static_cast<int>(i / out_channels / (in_channels / 8));
    if (tap >= taps) return;
    const std::int64_t from = backward ? (std::int64_t{in} * taps + taps - 1 - tap) * out_channels + out
                                       : (std::int64_t{out} * taps + tap) * in_channels + in;
    const std::int64_t between = backward ? std::int64_t{taps} * out_channels : 1;
    float v[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) v[k] = weight[from + k * between];
    packed[((std::int64_t{tap} * out_channels + out) * in_channels + in) / 8] = {
        simt::pack_bfloat16x2(v[0], v[1]), simt::pack_bfloat16x2(v[2], v[3]),
        simt::pack_bfloat16x2(v[4], v[5]), simt::pack_bfloat16x2(v[6], v[7])};
}

/// `s` is the convolution that runs.
PixelBoxes boxes_for(const Conv2dShape& s) {
    const int more_rows = static_cast<int>(s.kernel_height) - 1;
    return cut_into_boxes(s, [&](int width, int height, std::int64_t boxes) -> std::int64_t {
        // The columns behind the last pixel are multiplied as well.
        if (width * height > columns || more_rows * width + columns > box_rows) return -1;
        return boxes * box_rows + width * (height + more_rows);
    });
}

template <class B>
void launch_blocks(const Conv2dShape& s, Problem p, const bfloat16* input, const bfloat16* packed_weight,
                   const bfloat16* companion, bfloat16* output) {
    p.channel_blocks = static_cast<int>(s.out_channels) / B::channels;
    p.tiles = p.boxes.across * p.boxes.down * static_cast<int>(s.batch) * p.channel_blocks;
    const std::int64_t taps = s.kernel_height * s.kernel_width;
    const auto map = [&](const bfloat16* images, std::int64_t channels, std::int64_t more_rows) {
        return image_map(s, images, channels, p.boxes, p.boxes.height + static_cast<int>(more_rows));
    };
    const Maps maps{.input = map(input, s.in_channels, s.kernel_height - 1),
                    .weight = simt::make_tensor_map(packed_weight, {s.in_channels, s.out_channels, taps, 1},
                                                    {slab_channels, B::channels, 1, 1}),
                    .companion = map(companion ? companion : output, s.out_channels, 0),
                    .output = map(output, s.out_channels, 0)};
    const int grid = std::min(p.tiles, B::resident * simt::multiprocessor_count());
    simt::launch(conv2d_forward_wgmma<B>, dim3(static_cast<unsigned>(grid)), dim3(B::threads),
                 B::shared_bytes, p, maps);
}

/// `s` is the convolution that runs; `backward`: its weights are still those of the forward pass.
void convolve(const Conv2dShape& s, const bfloat16* input, const float* weight, bool backward,
              const float* bias, double scale, bool rectify, Companion companion_is,
              const bfloat16* companion, bfloat16* output) {
    if (s.pixels() == 0) return;
    const simt::Workspace<bfloat16> packed(s.weight_elements());
    simt::launch(pack_weight, dim3(simt::blocks_for(s.weight_elements() / 8, 128)), dim3(128), 0, weight,
                 static_cast<int>(s.kernel_height * s.kernel_width), static_cast<int>(s.in_channels),
                 static_cast<int>(s.out_channels), backward, reinterpret_cast<uint4*>(packed.data()));
    const Problem p{.slabs = static_cast<int>(s.in_channels) / slab_channels,
                    .kernel_height = static_cast<int>(s.kernel_height),
                    .kernel_width = static_cast<int>(s.kernel_width),
                    .boxes = boxes_for(s),
                    .channel_blocks = 0,
                    .tiles = 0,
                    .scale = static_cast<float>(scale),
                    .rectify = rectify,
                    .companion = companion ? companion_is : Companion::none,
                    .bias = bias};
    if (s.out_channels % Channels256::channels == 0)
        launch_blocks<Channels256>(s, p, input, packed.data(), companion, output);
    else if (s.out_channels % Channels128::channels == 0)
        launch_blocks<Channels128>(s, p, input, packed.data(), companion, output);
    else
        launch_blocks<Channels64>(s, p, input, packed.data(), companion, output);
}

}  // namespace

bool wgmma_supports(const Conv2dShape& s) {
    const auto in_slabs = [](std::int64_t channels) { return channels > 0 && channels % slab_channels == 0; };
    return in_slabs(s.in_channels) && in_slabs(s.out_channels) && s.pixels() < 1 << 30 &&
           s.weight_elements() < 1 << 28 && (s.pixels() == 0 || boxes_for(s).width > 0) &&
           simt::compute_capability() == 90;
}

void wgmma_forward(const Conv2dShape& s, const bfloat16* input, const float* weight, const float* bias,
                   const Conv2dEpilogue<bfloat16>& epilogue, bfloat16* output) {
    convolve(s, input, weight, false, bias, epilogue.scale, epilogue.activation == Activation::relu,
             Companion::residual, epilogue.residual, output);
}

void wgmma_backward_input(const Conv2dShape& s, const bfloat16* output_gradient, double scale,
                          const float* weight, const bfloat16* rectified_input, bfloat16* input_gradient) {
    Conv2dShape backward = s;
    backward.in_channels = s.out_channels;
    backward.out_channels = s.in_channels;
    convolve(backward, output_gradient, weight, true, nullptr, scale, false, Companion::rectified_input,
             rectified_input, input_gradient);
}

}  // namespace dnsp::kernels::cuda::detail
