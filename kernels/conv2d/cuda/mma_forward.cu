#include <climits>

#include "kernels/conv2d/cuda/epilogue.cuh"
#include "kernels/conv2d/cuda/mma.cuh"
#include "kernels/conv2d/cuda/mma.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

// sums[pixel, channel] = Σ_k pixels[pixel, k] · weights[channel, k], where k runs through taps and input
// channels. The backward pass to the input is the same with flipped taps and exchanged channels.
//
// A step of k is one tap and a slab of 16 words per pixel (16 channels in tf32, 32 in bfloat16). All taps of
// a slab follow one another, so that all but the first taps read pixels from L1. Chunk q (0…3) of an operand
// row is 16 bytes: channels 4q…4q+3 of the slab, and in bfloat16 also 16+4q…16+4q+3.
// bfloat16 also of 16+4q…16+4q+3.
constexpr int block_threads = 128, block_pixels = 128, row_chunks = 4, weight_stages = 4;
constexpr int loaded_rows = block_threads / row_chunks, rows_of_thread = block_pixels / loaded_rows;

template <class Operands>
constexpr int slab_channels = 16 * Operands::per_word;

/// The convolution to run, and its blocking.
struct Problem : IntShape {
    int steps = 0, blocks_across = 0;  ///< blocks of output channels
};

/// Position of a chunk within its row: 8 rows of one chunk, or 2 whole rows, have no bank conflicts. Depends
/// on the lowest three bits of `row` only.
__device__ __forceinline__ int swizzled(int row, int chunk) { return chunk ^ (row / 2 % row_chunks); }

struct Step {
    int slab = 0, tap_y = 0, tap_x = 0;

    __device__ __forceinline__ void advance(const Problem& p) {
        if (++tap_x < p.kernel_width) return;
        tap_x = 0;
        if (++tap_y < p.kernel_height) return;
        tap_y = 0;
        ++slab;
    }
};

/// A thread's pixels of a step: one chunk of every 32nd row, held in registers while the previous step is
/// multiplied.
template <class Operands>
struct PixelLoader {
    const float* source;  ///< chunk of the thread's first pixel, at the middle tap and the first channels
    int first_pixel, chunk;
    int y[rows_of_thread], x[rows_of_thread];
    float4 values[rows_of_thread][Operands::per_word];

    __device__ __forceinline__ PixelLoader(const Problem& p, const float* input, int first_of_block)
        : first_pixel(first_of_block + static_cast<int>(threadIdx.x) / row_chunks),
          chunk(static_cast<int>(threadIdx.x) % row_chunks) {
        source = input + std::int64_t{first_pixel} * p.in_channels + 4 * chunk;
#pragma unroll
        for (int r = 0; r < rows_of_thread; ++r) {
            const int pixel = first_pixel + r * loaded_rows;
            x[r] = pixel % p.width;
            // Pixels past the end count as outside the image.
            y[r] = pixel < p.pixels ? pixel / p.width % p.height : INT_MIN / 2;
        }
    }

    __device__ __forceinline__ void load(const Problem& p, const Step& step) {
        const int dy = step.tap_y - p.kernel_height / 2, dx = step.tap_x - p.kernel_width / 2;
        const int channel = step.slab * slab_channels<Operands>;
        const float* shifted = source + (std::int64_t{dy * p.width + dx} * p.in_channels + channel);
#pragma unroll
        for (int r = 0; r < rows_of_thread; ++r) {
            const bool inside = static_cast<unsigned>(y[r] + dy) < static_cast<unsigned>(p.height) &&
                                static_cast<unsigned>(x[r] + dx) < static_cast<unsigned>(p.width);
#pragma unroll
            for (int i = 0; i < Operands::per_word; ++i)
                values[r][i] = simt::load_or_zero(shifted + (r * loaded_rows * p.in_channels + 16 * i),
                                                  inside && channel + 4 * chunk + 16 * i < p.in_channels);
        }
    }

    template <class Tile>
    __device__ __forceinline__ void store(Tile tile) const {
        const int row = static_cast<int>(threadIdx.x) / row_chunks;
#pragma unroll
        for (int r = 0; r < rows_of_thread; ++r)
            tile[row + r * loaded_rows][swizzled(row, chunk)] = Operands::words(values[r]);
    }
};

/// The row of an output channel in the packed weights. In this order, a thread's sums of two tiles of 8
/// channels belong to 4 neighbouring channels.
__device__ __forceinline__ int packed_row(int channel) {
    return channel / 16 * 16 + channel / 2 % 2 * 8 + channel / 4 % 4 * 2 + channel % 2;
}

/// A block owns 128 consecutive pixels of the batch and `block_channels` output channels. Each of its four
/// warps owns 64 pixels and half of the channels; a thread owns mma's elements of each 16 × 8 tile. While a
/// step is multiplied, the pixels of the next step are loaded through registers, where they are rounded, and
/// the weights of the next three steps by cp.async. Bound by the tensor cores, followed by shared memory and
/// instruction issue.
template <class Operands, int block_channels>
__global__ void __launch_bounds__(block_threads, resident_blocks<block_channels>)
    conv2d_forward_mma(Problem p, const float* __restrict__ input, const uint4* __restrict__ packed_weight,
                       Epilogue<float> epilogue) {
    constexpr int pixel_tiles = 4, channel_tiles = block_channels / 16;
    __shared__ simt::SharedArray<uint4, 2, block_pixels, row_chunks> pixels;
    __shared__ simt::SharedArray<uint4, weight_stages, block_channels, row_chunks> weights;

    const int first_pixel = static_cast<int>(blockIdx.x) / p.blocks_across * block_pixels;
    const int first_channel = static_cast<int>(blockIdx.x) % p.blocks_across * block_channels;
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
    const int warp_pixel = warp / 2 * 64, warp_channel = warp % 2 * (block_channels / 2);

    const uint4* weight_source = packed_weight + first_channel * row_chunks + thread;
    const auto copy_weights = [&](int step) {
        const int row = thread / row_chunks;
        if (step < p.steps) {
#pragma unroll
            for (int r = 0; r < block_channels; r += loaded_rows)
                simt::cp_async<16>(
                    &weights[step % weight_stages][r + row][swizzled(row, thread % row_chunks)],
                    weight_source + r * row_chunks, true);
            weight_source += p.blocks_across * block_channels * row_chunks;
        }
        simt::cp_async_commit();
    };

    for (int step = 0; step < weight_stages - 1; ++step) copy_weights(step);
    Step next;
    PixelLoader<Operands> loader(p, input, first_pixel);
    loader.load(p, next);
    loader.store(pixels[0]);

    float sums[pixel_tiles][channel_tiles][4] = {};
    for (int step = 0; step < p.steps; ++step) {
        simt::cp_async_wait<weight_stages - 2>();
        __syncthreads();
        copy_weights(step + weight_stages - 1);
        next.advance(p);
        loader.load(p, next);
#pragma unroll
        for (int half = 0; half < 2; ++half) {  // 8 words of a row
            std::uint32_t a[pixel_tiles][4], b[channel_tiles / 2][4];
#pragma unroll
            for (int i = 0; i < pixel_tiles; ++i)
                simt::ldmatrix_x4(
                    a[i],
                    &pixels[step % 2][warp_pixel + 16 * i + lane % 16][swizzled(lane, 2 * half + lane / 16)]);
#pragma unroll
            for (int j = 0; j < channel_tiles / 2; ++j)
                simt::ldmatrix_x4(
                    b[j], &weights[step % weight_stages][warp_channel + 16 * j + lane / 16 * 8 + lane % 8]
                                  [swizzled(lane, 2 * half + lane / 8 % 2)]);
#pragma unroll
            for (int i = 0; i < pixel_tiles; ++i)
#pragma unroll
                for (int j = 0; j < channel_tiles; ++j)
                    Operands::multiply_add(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
        // The branch prevents the compiler from waiting for the loads between the matrix instructions.
        if (step + 1 < p.steps) loader.store(pixels[(step + 1) % 2]);
    }

#pragma unroll
    for (int j = 0; j < channel_tiles; j += 2) {
        const int channel = first_channel + warp_channel + 8 * j + lane % 4 * 4;
        if (channel >= p.out_channels) continue;
        const simt::Vector<float> offset = epilogue.offset(channel, 4);
#pragma unroll
        for (int i = 0; i < 2 * pixel_tiles; ++i) {
            const int pixel = first_pixel + warp_pixel + 8 * i + lane / 4, c = i % 2 * 2;
            const float(&left)[4] = sums[i / 2][j], (&right)[4] = sums[i / 2][j + 1];
            if (pixel < p.pixels)
                epilogue.write(pixel, channel, 4, {{left[c], left[c + 1], right[c], right[c + 1]}}, offset);
        }
    }
}

/// packed[step][packed_row(channel)][chunk]: the weights as operands, in the order of the steps, zero past
/// the last channel. A thread owns a chunk; neighbouring threads have neighbouring output channels.
/// `backward`: the weights belong to the forward convolution, and its backward pass runs.
template <class Operands>
__global__ void pack_weight(Problem p, const float* __restrict__ weight, bool backward, int padded_channels,
                            uint4* __restrict__ packed) {
    const int taps = p.kernel_height * p.kernel_width;
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int out = i % padded_channels, chunk = i / padded_channels % row_chunks;
    const int step = i / padded_channels / row_chunks, tap = step % taps;
    float4 values[Operands::per_word];
#pragma unroll
    for (int w = 0; w < Operands::per_word; ++w) {
        const int in = step / taps * slab_channels<Operands> + 4 * chunk + 16 * w;
        const bool present = in < p.in_channels && out < p.out_channels;
        if (backward && present) {
            const std::int64_t between = std::int64_t{taps} * p.out_channels;
            const float* from = weight + (in * between + std::int64_t{taps - 1 - tap} * p.out_channels + out);
            values[w] = {from[0], from[between], from[2 * between], from[3 * between]};
        } else {
            values[w] =
                simt::load_or_zero(weight + ((std::int64_t{out} * taps + tap) * p.in_channels + in), present);
        }
    }
    packed[(std::int64_t{step} * padded_channels + packed_row(out)) * row_chunks + chunk] =
        Operands::words(values);
}

/// `s` is the convolution to run; `backward` as above.
void convolve(const Conv2dShape& s, const float* input, const float* weight, bool backward,
              const Epilogue<float>& epilogue) {
    with_operands_and_block(s.out_channels, [&]<class Operands, int block_channels>() {
        Problem p{IntShape(s)};
        p.steps = divide_up(p.in_channels, slab_channels<Operands>) * p.kernel_height * p.kernel_width;
        p.blocks_across = divide_up(p.out_channels, block_channels);
        constexpr int block_chunks = block_channels * row_chunks;
        simt::Workspace<uint4> packed(std::int64_t{p.steps} * p.blocks_across * block_chunks);
        simt::launch(pack_weight<Operands>, dim3(p.steps * p.blocks_across), dim3(block_chunks), 0, p, weight,
                     backward, p.blocks_across * block_channels, packed.data());
        simt::launch(conv2d_forward_mma<Operands, block_channels>,
                     dim3(divide_up(p.pixels, block_pixels) * p.blocks_across), dim3(block_threads), 0, p,
                     input, packed.data(), epilogue);
    });
}

}  // namespace

bool mma_supports(const Conv2dShape& s) {
    const auto in_eights = [](std::int64_t channels) { return channels > 0 && channels % 8 == 0; };
    return in_eights(s.in_channels) && in_eights(s.out_channels) && s.pixels() < 1 << 30 &&
           s.weight_elements() < 1 << 28 && simt::compute_capability() >= 80;
}

void mma_forward(const Conv2dShape& s, const Conv2dForward<float>& pass) {
    convolve(s, pass.input, pass.weight, false, epilogue_of(s, pass));
}

void mma_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<float>& pass) {
    convolve(s.backward(), pass.output_gradient, pass.weight, true, epilogue_of(s, pass));
}

}  // namespace dnsp::kernels::cuda::detail
