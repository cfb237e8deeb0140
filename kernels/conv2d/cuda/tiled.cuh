#pragma once

// Shared by the GEMMs on CUDA cores. A block of 128 threads owns 64 × 64 sums, a warp 32 × 32, a thread 8 ×
// 4. Both factors pass through shared memory in slabs of 8 values of the summed index. Per value a thread
// (float) does 3 shared-memory reads for 32 multiplications.
#include "kernels/conv2d/cuda/int_shape.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda::detail {

constexpr int tile_extent = 64, tile_depth = 8, tile_threads = 128;
constexpr int thread_rows = 8, thread_columns = 4;

/// Two slabs of a factor: [buffer][index][vector], padded by a vector, so that writes have no bank conflicts.
template <class T>
using Slabs = simt::SharedArray<simt::Vector<T>, 2, tile_depth, tile_extent / simt::Vector<T>::width + 1>;

/// A thread's sums: rows first_row … + 7 and columns first_column … + 3 of the block's tile.
template <class T>
struct TileSums {
    static constexpr int width = simt::Vector<T>::width;
    int first_row, first_column;
    simt::Vector<T> sums[thread_rows][thread_columns / width] = {};

    __device__ __forceinline__ TileSums() {
        const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
        first_row = warp / 2 * 32 + lane / 8 * thread_rows;
        first_column = warp % 2 * 32 + lane % 8 * thread_columns;
    }

    /// sums += Σ_k rows[k] · columns[k] over a slab.
    template <class Slab>
    __device__ __forceinline__ void multiply_add(Slab rows, Slab columns) {
#pragma unroll
        for (int k = 0; k < tile_depth; ++k) {
            simt::Vector<T> a[thread_rows / width], b[thread_columns / width];
#pragma unroll
            for (int i = 0; i < thread_rows / width; ++i) a[i] = rows[k][first_row / width + i];
#pragma unroll
            for (int j = 0; j < thread_columns / width; ++j) b[j] = columns[k][first_column / width + j];
#pragma unroll
            for (int i = 0; i < thread_rows; ++i)
#pragma unroll
                for (int j = 0; j < thread_columns; ++j) {
                    T& sum = sums[i][j / width].element[j % width];
                    sum = fma(a[i / width].element[i % width], b[j / width].element[j % width], sum);
                }
        }
    }
};

}  // namespace dnsp::kernels::cuda::detail
