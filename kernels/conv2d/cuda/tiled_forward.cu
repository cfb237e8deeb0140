#include <climits>

#include "kernels/conv2d/cuda/epilogue.cuh"
#include "kernels/conv2d/cuda/tiled.cuh"
#include "kernels/conv2d/cuda/tiled.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

/// A thread's pixels of a slab: one index k = (tap, channel) of every 16th pixel of the block, held in
/// registers while the previous slab is multiplied.
template <class T>
struct PixelLoader {
    static constexpr int rows = tile_extent * tile_depth / tile_threads, stride = tile_extent / rows;
    const T* source;  ///< channel 0 of the first pixel
    int y[rows], x[rows];
    int tap_y = 0, tap_x = 0, channel = 0;
    T values[rows];

    __device__ __forceinline__ PixelLoader(const IntShape& s, const T* input, int first_of_block) {
        const int first = first_of_block + static_cast<int>(threadIdx.x) / tile_depth;
        source = input + std::int64_t{first} * s.in_channels;
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const int pixel = first + r * stride;
            x[r] = pixel % s.width;
            // Pixels past the end count as outside the image.
            y[r] = pixel < s.pixels ? pixel / s.width % s.height : INT_MIN / 2;
        }
        advance(s, static_cast<int>(threadIdx.x) % tile_depth);
    }

    /// k += by
    __device__ __forceinline__ void advance(const IntShape& s, int by) {
        channel += by;
        while (channel >= s.in_channels) {
            channel -= s.in_channels;
            if (++tap_x < s.kernel_width) continue;
            tap_x = 0;
            ++tap_y;
        }
    }

    /// Zero outside the image and, in the last slab, past the last tap.
    __device__ __forceinline__ void load(const IntShape& s) {
        const int dy = tap_y - s.kernel_height / 2, dx = tap_x - s.kernel_width / 2;
        const T* shifted = source + (std::int64_t{dy * s.width + dx} * s.in_channels + channel);
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const bool inside = static_cast<unsigned>(y[r] + dy) < static_cast<unsigned>(s.height) &&
                                static_cast<unsigned>(x[r] + dx) < static_cast<unsigned>(s.width);
            values[r] = inside && tap_y < s.kernel_height ? shifted[r * stride * s.in_channels] : T(0);
        }
    }

    template <class Slab>
    __device__ __forceinline__ void store(Slab slab) const {
        constexpr int width = simt::Vector<T>::width;
        const int k = static_cast<int>(threadIdx.x) % tile_depth;
#pragma unroll
        for (int r = 0; r < rows; ++r) {
            const int row = static_cast<int>(threadIdx.x) / tile_depth + r * stride;
            slab[k][row / width].element[row % width] = values[r];
        }
    }
};

/// A thread's part of the packed weights of a slab.
template <class T>
struct WeightLoader {
    static constexpr int row_vectors = tile_extent / simt::Vector<T>::width;
    static constexpr int rows = row_vectors * tile_depth / tile_threads, stride = tile_depth / rows;
    const T* source;
    int between;
    simt::Vector<T> values[rows];

    __device__ __forceinline__ WeightLoader(const T* packed, int columns, int first_column)
        : source(packed + static_cast<int>(threadIdx.x) / row_vectors * columns + first_column +
                 static_cast<int>(threadIdx.x) % row_vectors * simt::Vector<T>::width),
          between(stride * columns) {}

    __device__ __forceinline__ void load() {
#pragma unroll
        for (int r = 0; r < rows; ++r, source += between)
            values[r] = *reinterpret_cast<const simt::Vector<T>*>(source);
    }

    template <class Slab>
    __device__ __forceinline__ void store(Slab slab) const {
        const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
        for (int r = 0; r < rows; ++r)
            slab[thread / row_vectors + r * stride][thread % row_vectors] = values[r];
    }
};

/// sums[pixel, o] = Σ_k pixels[pixel, k] · packed[k, o], k = (tap, channel). The matrix of pixels is formed
/// slab by slab. A block owns 64 consecutive pixels of the batch and 64 output channels. While a slab is
/// multiplied, the next one is loaded through registers into the other half of shared memory. Every pixel's
/// sum runs through k in the same order. Bound by arithmetic.
template <class T>
__global__ void __launch_bounds__(tile_threads)
    conv2d_forward_tiled(const IntShape s, int slabs, int packed_columns, const T* __restrict__ input,
                         const T* __restrict__ packed_weight, const Epilogue<T> epilogue) {
    __shared__ Slabs<T> pixels, weights;
    const int tiles_across = packed_columns / tile_extent;
    const int first_pixel = static_cast<int>(blockIdx.x) / tiles_across * tile_extent,
              first_channel = static_cast<int>(blockIdx.x) % tiles_across * tile_extent;

    PixelLoader<T> pixel_loader(s, input, first_pixel);
    WeightLoader<T> weight_loader(packed_weight, packed_columns, first_channel);
    pixel_loader.load(s);
    weight_loader.load();
    pixel_loader.store(pixels[0]);
    weight_loader.store(weights[0]);
    TileSums<T> tile;
    for (int slab = 0; slab < slabs; ++slab) {
        const bool more = slab + 1 < slabs;
        __syncthreads();
        if (more) {
            pixel_loader.advance(s, tile_depth);
            pixel_loader.load(s);
            weight_loader.load();
        }
        tile.multiply_add(pixels[slab % 2], weights[slab % 2]);
        if (more) {
            pixel_loader.store(pixels[(slab + 1) % 2]);
            weight_loader.store(weights[(slab + 1) % 2]);
        }
    }

    constexpr int width = simt::Vector<T>::width;
#pragma unroll
    for (int j = 0; j < thread_columns / width; ++j) {
        const int channel = first_channel + tile.first_column + j * width;
        const int elements = min(width, s.out_channels - channel);
        const simt::Vector<T> offset = epilogue.offset(channel, elements);
#pragma unroll
        for (int i = 0; i < thread_rows; ++i) {
            const int pixel = first_pixel + tile.first_row + i;
            if (pixel < s.pixels) epilogue.write(pixel, channel, elements, tile.sums[i][j], offset);
        }
    }
}

/// A thread owns an element; neighbours own neighbouring columns.
template <class T>
__global__ void pack_weight_kernel(const IntShape s, bool backward, int rows, int columns,
                                   const T* __restrict__ weight, T* __restrict__ packed) {
    const int taps = s.kernel_height * s.kernel_width;
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int row = static_cast<int>(i / columns), out = static_cast<int>(i % columns);
    const int tap = row / s.in_channels, in = row % s.in_channels;
    if (row >= rows) return;
    T value = T(0);
    if (tap < taps && out < s.out_channels)
        value = backward ? weight[(in * taps + taps - 1 - tap) * s.out_channels + out]
                         : weight[(out * taps + tap) * s.in_channels + in];
    packed[i] = value;
}

template <class T>
void convolve(const Conv2dShape& shape, bool backward, const T* input, const T* weight,
              const Epilogue<T>& epilogue) {
    const PackedShape packed_as = packed_shape(shape);
    const simt::Workspace<T> packed(packed_as.elements());
    pack_weight(shape, backward, weight, packed.data());
    const std::int64_t blocks = divide_up(shape.pixels(), tile_extent) * (packed_as.columns / tile_extent);
    simt::launch(conv2d_forward_tiled<T>, dim3(static_cast<unsigned>(blocks)), dim3(tile_threads), 0,
                 IntShape(shape), packed_as.rows / tile_depth, packed_as.columns, input, packed.data(),
                 epilogue);
}

}  // namespace

PackedShape packed_shape(const Conv2dShape& s) {
    return {divide_up(s.kernel_height * s.kernel_width * s.in_channels, tile_depth) * tile_depth,
            divide_up(s.out_channels, tile_extent) * tile_extent};
}

template <class T>
void pack_weight(const Conv2dShape& shape, bool backward, const T* weight, T* packed) {
    constexpr int threads = 256;
    const PackedShape to = packed_shape(shape);
    simt::launch(pack_weight_kernel<T>, dim3(static_cast<unsigned>(divide_up(to.elements(), threads))),
                 dim3(threads), 0, IntShape(shape), backward, to.rows, to.columns, weight, packed);
}

template <class T>
void tiled_forward(const Conv2dShape& shape, const Conv2dForward<T>& pass) {
    convolve(shape, false, pass.input, pass.weight, epilogue_of(shape, pass));
}

template <class T>
void tiled_backward_input(const Conv2dShape& shape, const Conv2dBackwardInput<T>& pass) {
    convolve(shape.backward(), true, pass.output_gradient, pass.weight, epilogue_of(shape, pass));
}

DNSP_INSTANTIATE(pack_weight);
DNSP_INSTANTIATE(tiled_forward);
DNSP_INSTANTIATE(tiled_backward_input);

}  // namespace dnsp::kernels::cuda::detail
