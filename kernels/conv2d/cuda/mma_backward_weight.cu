#include <algorithm>
#include <climits>

#include "kernels/conv2d/cuda/mma.cuh"
#include "kernels/conv2d/cuda/mma.hpp"
#include "kernels/conv2d/cuda/partial_sums.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

// weight_gradient[o, column] = scale · Σ_pixel gradient[pixel, o] · input[pixel + tap, channel], where column
// = tap · channels + channel. Both operands are stored pixel by pixel, the summed index first. mma needs two
// numbers of each operand whose pixels are 4 words apart. A chunk (16 bytes) of shared memory is therefore 2
// words of pixels × 2 channels, which a thread reads as a whole fragment: one 16 × 8 fragment of gradients,
// or two 8 × 8 fragments of inputs. Rows and columns of fragments map to channels as follows:
//   quad q = channels 4q…4q+3; chunk (side, q) holds channels 4q + 2·side and the next one
//   16 rows (side, u): row g = channel 4(8u+g) + 2·side, row g+8 the next one
//   8 columns (side, u, odd): column g = channel 4(8u+g) + 2·side + odd
constexpr int block_threads = 128, block_columns = 128, column_quads = block_columns / 4;

struct Problem : IntShape {
    int columns = 0;             ///< weights per output channel
    int tiles = 0, across = 0;   ///< blocks per split; blocks along the columns
    int pixels_per_split = 0;    ///< a multiple of a slab
    int step_y = 0, step_x = 0;  ///< rows and columns between a pixel and the fourth pixel after it
};

/// 16 words of pixels: 16 pixels in tf32, 32 in bfloat16.
template <class Operands>
constexpr int slab_pixels = 16 * Operands::per_word;

/// A thread's loads of one operand for half a slab: a quad of channels of words t and t + 4, at every fourth
/// pixel.
template <class Operands>
using Quads = float4[2][Operands::per_word];

/// A block owns `block_out` output channels × 128 columns and one split of the pixels. Each of its four warps
/// owns half of the channels and half of the columns. Slabs of pixels pass through registers, where they are
/// rounded, into one half of shared memory while the other half is multiplied. A second kernel adds the
/// splits in order. Bound by the tensor cores, followed by shared memory.
template <class Operands, int block_out>
__global__ void __launch_bounds__(block_threads, resident_blocks<block_out>)
    conv2d_backward_weight_mma(Problem p, const float* __restrict__ input,
                               const float* __restrict__ output_gradient, float* __restrict__ partial) {
    constexpr int out_quads = block_out / 4, row_octets = block_out / 64;
    // [buffer][half of the slab][t][chunk], padded by two chunks, so that lanes (g, t) have no bank
    // conflicts.
    __shared__ simt::SharedArray<uint4, 2, 2, 4, 2 * out_quads + 2> gradients;
    __shared__ simt::SharedArray<uint4, 2, 2, 4, 2 * column_quads + 2> inputs;

    const int split = static_cast<int>(blockIdx.x) / p.tiles, tile = static_cast<int>(blockIdx.x) % p.tiles;
    const int first_out = tile / p.across * block_out, first_column = tile % p.across * block_columns;
    const int thread = static_cast<int>(threadIdx.x);
    const int first_pixel = split * p.pixels_per_split, end = min(p.pixels, first_pixel + p.pixels_per_split);

    // If block_out is 128, all threads load gradients for both halves; if 64, 64 threads for each half.
    const int out_quad = thread % out_quads, out_word = thread / out_quads % 4;
    const auto loads_gradient = [&](int half) { return block_out == 128 || thread / 64 == half; };
    const int out = first_out + 4 * out_quad;
    const float* gradient_source =
        output_gradient + (std::int64_t{first_pixel + out_word} * p.out_channels + out);
    const int gradient_end = out < p.out_channels ? end - out_word : INT_MIN;

    const int column_quad = thread % column_quads, column_word = thread / column_quads;
    const int column = first_column + 4 * column_quad, tap = column / p.in_channels;
    const int dy = tap / p.kernel_width - p.kernel_height / 2, dx = tap % p.kernel_width - p.kernel_width / 2;
    const float* input_source =
        input + (std::int64_t{first_pixel + column_word + dy * p.width + dx} * p.in_channels +
                 column % p.in_channels);
    int x = (first_pixel + column_word) % p.width, y = (first_pixel + column_word) / p.width % p.height;

    int pixel = first_pixel;  // first pixel of the next loads
    Quads<Operands> gradient, image;
    const auto load = [&](int half) {
#pragma unroll
        for (int i = 0; i < Operands::per_word; ++i)
#pragma unroll
            for (int r = 0; r < 2; ++r) {
                gradient[r][i] =
                    simt::load_or_zero(gradient_source, loads_gradient(half) && pixel < gradient_end);
                const bool inside = static_cast<unsigned>(y + dy) < static_cast<unsigned>(p.height) &&
                                    static_cast<unsigned>(x + dx) < static_cast<unsigned>(p.width);
                image[r][i] = simt::load_or_zero(input_source, inside && pixel < end - column_word);
                pixel += 4;
                gradient_source += 4 * p.out_channels;
                input_source += 4 * p.in_channels;
                x += p.step_x;
                y += p.step_y + (x >= p.width ? 1 : 0);
                x -= x >= p.width ? p.width : 0;
                y -= y >= p.height ? p.height : 0;
            }
    };
    const auto store = [&](int buffer, int half) {
        if (loads_gradient(half)) {
            const uint4 v = Operands::words(gradient[0]), w = Operands::words(gradient[1]);
            gradients[buffer][half][out_word][out_quad] = {v.x, v.y, w.x, w.y};
            gradients[buffer][half][out_word][out_quads + out_quad] = {v.z, v.w, w.z, w.w};
        }
        const uint4 v = Operands::words(image[0]), w = Operands::words(image[1]);
        inputs[buffer][half][column_word][column_quad] = {v.x, w.x, v.y, w.y};
        inputs[buffer][half][column_word][column_quads + column_quad] = {v.z, w.z, v.w, w.w};
    };

    for (int half = 0; half < 2; ++half) {
        load(half);
        store(0, half);
    }

    const int lane = thread % 32, warp = thread / 32, g = lane / 4, t = lane % 4;
    const int warp_out_quad = warp / 2 * (out_quads / 2), warp_column_quad = warp % 2 * (column_quads / 2);
    float sums[2][row_octets][2][2][2][4] = {};  // rows [side][u], columns [u][side][odd]
    const int slabs = (end - first_pixel + slab_pixels<Operands> - 1) / slab_pixels<Operands>;
    for (int slab = 0; slab < slabs; ++slab) {
        const int buffer = slab % 2;
        const bool more = slab + 1 < slabs;
        __syncthreads();
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            if (more) load(half);
            uint4 a[2][row_octets], b[2][2];
#pragma unroll
            for (int side = 0; side < 2; ++side) {
#pragma unroll
                for (int u = 0; u < row_octets; ++u)
                    a[side][u] = gradients[buffer][half][t][side * out_quads + warp_out_quad + 8 * u + g];
#pragma unroll
                for (int u = 0; u < 2; ++u)
                    b[u][side] = inputs[buffer][half][t][side * column_quads + warp_column_quad + 8 * u + g];
            }
#pragma unroll
            for (int i = 0; i < 2 * row_octets; ++i)
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    const uint4 rows = a[i % 2][i / 2], columns = b[j / 2][j % 2];
                    auto& pair = sums[i % 2][i / 2][j / 2][j % 2];
                    Operands::multiply_add(pair[0], {rows.x, rows.y, rows.z, rows.w}, columns.x, columns.y);
                    Operands::multiply_add(pair[1], {rows.x, rows.y, rows.z, rows.w}, columns.z, columns.w);
                }
            if (more) store(1 - buffer, half);
        }
    }

#pragma unroll
    for (int i = 0; i < 4 * row_octets; ++i) {
        const int side = i / 2 % 2, u = i / 4, next = i % 2;
        const int row = first_out + 4 * (warp_out_quad + 8 * u + g) + 2 * side + next;
        if (row >= p.out_channels) continue;
        float* target = partial + (std::int64_t{split} * p.out_channels + row) * p.columns;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int first = first_column + 4 * (warp_column_quad + 8 * (j / 2) + 2 * t + j % 2);
            const auto& quad = sums[side][u][j / 2];
            const int c = 2 * next + j % 2;
            if (first < p.columns)
                *reinterpret_cast<float4*>(target + first) = {quad[0][0][c], quad[0][1][c], quad[1][0][c],
                                                              quad[1][1][c]};
        }
    }
}

}  // namespace

void mma_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<float>& pass) {
    const BiasGradient<float> bias(s, pass);
    with_operands_and_block(s.out_channels, [&]<class Operands, int block_out>() {
        Problem p{IntShape(s)};
        p.columns = p.kernel_height * p.kernel_width * p.in_channels;
        p.across = divide_up(p.columns, block_columns);
        p.tiles = p.across * divide_up(p.out_channels, block_out);
        // As many blocks as an H100 runs at once, each with enough pixels to outweigh the extra sums.
        constexpr int blocks_wanted = 132 * resident_blocks<block_out>, min_pixels = 128;
        const int splits_wanted = std::clamp(blocks_wanted / p.tiles, 1, std::max(1, p.pixels / min_pixels));
        p.pixels_per_split =
            divide_up(divide_up(p.pixels, splits_wanted), slab_pixels<Operands>) * slab_pixels<Operands>;
        int splits = 0;
        if (p.pixels > 0) {
            splits = divide_up(p.pixels, p.pixels_per_split);
            p.step_y = 4 / p.width % p.height;
            p.step_x = 4 % p.width;
        }
        simt::Workspace<float> partial(splits * s.weight_elements());
        simt::launch(conv2d_backward_weight_mma<Operands, block_out>, dim3(p.tiles * splits),
                     dim3(block_threads), 0, p, pass.input, pass.output_gradient, partial.data());
        add_partial_sums(PartialSums<float, float>{s.weight_elements(), splits, pass.scale, partial.data(),
                                                   pass.weight_gradient},
                         bias.partial_sums());
    });
}

}  // namespace dnsp::kernels::cuda::detail
