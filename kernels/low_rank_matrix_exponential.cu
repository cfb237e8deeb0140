// R_δ and ∇R_δ = δ⁻²·Y·exp(−X), X = YᵀY/2δ², as in the CPU path: exp(−X) ≈ (I − Z + Z²/2)^(2ᵏ), Z = X/2ᵏ.
//
// A block owns a matrix and keeps two n × n buffers of float64 in shared memory, n the shorter side, padded
// to tiles: each product reads one and writes the other, so that one barrier a squaring is enough. A thread
// owns a 4×4 tile. Every product here is Σₖ a[k][i]·b[k][j], both operands read along rows: powers of X are
// symmetric, and Y is staged the way round that suits. Bound by the latency of about 25 dependent products of
// n³ FMAs in float64.
#include <algorithm>
#include <cmath>

#include "kernels/low_rank.hpp"
#include "kernels/simt/reduce.cuh"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int tile = 4;

/// Where element (l, s) of a matrix lies: l counts along its longer side, s along its shorter one.
struct Sides {
    std::int64_t longer;
    int shorter;
    std::int64_t longer_stride, shorter_stride;
};

using Tile = double[tile][tile];

/// The two buffers, and the tile of the running thread in each of them.
struct Buffers {
    simt::SharedSpan<double> elements;
    simt::SharedSpan<double2> pairs;
    int padded, stride, row, col;

    __device__ explicit Buffers(int padded_side)
        : elements(simt::dynamic_shared<double>(count(padded_side))),
          pairs(simt::dynamic_shared<double2>(count(padded_side) / 2)),
          padded(padded_side),
          stride(stride_of(padded_side)),
          row(static_cast<int>(threadIdx.x) / (padded_side / tile) * tile),
          col(static_cast<int>(threadIdx.x) % (padded_side / tile) * tile) {}

    /// Not a multiple of the banks, for the staging that transposes; even, for reading in pairs.
    static constexpr __host__ __device__ int stride_of(int padded_side) { return padded_side + 2; }
    static constexpr __host__ __device__ std::size_t count(int padded_side) {
        return static_cast<std::size_t>(2 * padded_side * stride_of(padded_side));
    }

    /// Some threads of the last warp have no tile.
    __device__ bool has_tile() const { return row < padded; }

    __device__ double& at(int buffer, int i, int j) const {
        return elements[(buffer * padded + i) * stride + j];
    }

    /// c[i][j] += Σₖ a[k][row + i] · b[k][col + j]
    __device__ void multiply(Tile& c, int a, int b) const {
        const int first_a = (a * padded * stride + row) / 2, first_b = (b * padded * stride + col) / 2;
#pragma unroll 4
        for (int k = 0; k < padded; ++k) {
            const int pair_a = first_a + k * stride / 2, pair_b = first_b + k * stride / 2;
            const double2 a01 = pairs[pair_a], a23 = pairs[pair_a + 1];
            const double2 b01 = pairs[pair_b], b23 = pairs[pair_b + 1];
            const double left[tile] = {a01.x, a01.y, a23.x, a23.y},
                         right[tile] = {b01.x, b01.y, b23.x, b23.y};
#pragma unroll
            for (int i = 0; i < tile; ++i)
#pragma unroll
                for (int j = 0; j < tile; ++j) c[i][j] = fma(left[i], right[j], c[i][j]);
        }
    }

    __device__ void store(int buffer, const Tile& c) const {
#pragma unroll
        for (int i = 0; i < tile; ++i) {
            const int pair = ((buffer * padded + row + i) * stride + col) / 2;
            pairs[pair] = make_double2(c[i][0], c[i][1]);
            pairs[pair + 1] = make_double2(c[i][2], c[i][3]);
        }
    }

    /// Σᵢ elements[first + i·step] over the padded side: every warp adds for itself, in the same order.
    __device__ double sum(int first, int step) const {
        double total = 0;
        for (int i = static_cast<int>(threadIdx.x) % 32; i < padded; i += 32)
            total += elements[first + i * step];
        return simt::warp_sum(total);
    }
    __device__ double trace(int buffer) const { return sum(buffer * padded * stride, stride + 1); }
};

/// Rows first … first + padded − 1 along the longer side, with zeros where the matrix ends: element (l, s)
/// goes to row l − first, column s of the buffer, or the other way round when transposed.
template <class T>
__device__ void stage(const Buffers& buffers, int buffer, const Sides& sides, const T* matrix,
                      std::int64_t first, bool transposed) {
    const bool along_shorter = sides.shorter_stride == 1;
    for (int e = static_cast<int>(threadIdx.x); e < buffers.padded * buffers.padded;
         e += static_cast<int>(blockDim.x)) {
        const int slow = e / buffers.padded, fast = e % buffers.padded;
        const int l = along_shorter ? slow : fast, s = along_shorter ? fast : slow;
        const bool inside = first + l < sides.longer && s < sides.shorter;
        buffers.at(buffer, transposed ? s : l, transposed ? l : s) =
            inside ? static_cast<double>(matrix[(first + l) * sides.longer_stride + s * sides.shorter_stride])
                   : 0.0;
    }
}

/// exp(−X) into one of the buffers, which is returned, for X = scale·gram, whose norm is at most `norm`;
/// `free` is the buffer that may be overwritten first, and the other one as soon as all threads have met.
__device__ int exp_of_minus(const Buffers& buffers, const Tile& gram, double scale, double norm, int shorter,
                            int free) {
    const int squarings = max(14, static_cast<int>(ceil(log2(max(norm, 1.0)))));
    const double bottom_scale = ldexp(scale, -squarings);
    int current = free;
    Tile z;
#pragma unroll
    for (int i = 0; i < tile; ++i)
#pragma unroll
        for (int j = 0; j < tile; ++j) z[i][j] = bottom_scale * gram[i][j];
    if (buffers.has_tile()) buffers.store(current, z);
    __syncthreads();
    for (int step = 0; step <= squarings; ++step) {
        if (buffers.has_tile()) {
            Tile product{};
            buffers.multiply(product, current, current);
            if (step == 0)
#pragma unroll
                for (int i = 0; i < tile; ++i)
#pragma unroll
                    for (int j = 0; j < tile; ++j) {
                        // The padding stays zero.
                        const bool one = buffers.row + i == buffers.col + j && buffers.row + i < shorter;
                        product[i][j] = (one ? 1.0 : 0.0) - z[i][j] + 0.5 * product[i][j];
                    }
            buffers.store(1 - current, product);
        }
        current = 1 - current;
        __syncthreads();
        // A positive semidefinite matrix is zero when its trace is.
        if (buffers.trace(current) < 1e-60) break;
    }
    return current;
}

template <class T>
__global__ void __launch_bounds__(256)
    low_rank_matrix_exponential_kernel(Sides sides, double inverse_variance, const T* matrices, double* value,
                                       T* gradient) {
    const Buffers buffers((sides.shorter + tile - 1) / tile * tile);
    const std::int64_t size = sides.longer * sides.shorter;
    const T* const matrix = matrices + blockIdx.x * size;
    T* const out = gradient + blockIdx.x * size;

    Tile gram{};
    int free = 0;
    for (std::int64_t first = 0; first < sides.longer; first += buffers.padded) {
        stage(buffers, free, sides, matrix, first, false);
        __syncthreads();
        if (buffers.has_tile()) buffers.multiply(gram, free, free);
        free = 1 - free;
    }

    // ‖Y‖² is the trace of the Gram matrix; its diagonal goes to the first row of the free buffer.
    if (buffers.has_tile() && buffers.row == buffers.col)
#pragma unroll
        for (int i = 0; i < tile; ++i) buffers.at(free, 0, buffers.row + i) = gram[i][i];
    __syncthreads();
    const double norm = 0.5 * inverse_variance * buffers.sum(free * buffers.padded * buffers.stride, 1);
    if (!isfinite(norm)) {
        for (std::int64_t e = threadIdx.x; e < size; e += blockDim.x) out[e] = static_cast<T>(nan(""));
        if (threadIdx.x == 0) value[blockIdx.x] = nan("");
        return;
    }

    const int exponential =
        exp_of_minus(buffers, gram, 0.5 * inverse_variance, norm, sides.shorter, 1 - free);
    const double trace = buffers.trace(exponential);
    if (threadIdx.x == 0) value[blockIdx.x] = sides.shorter - trace;

    const int staged = 1 - exponential;
    for (std::int64_t first = 0; first < sides.longer; first += buffers.padded) {
        if (first > 0) __syncthreads();
        stage(buffers, staged, sides, matrix, first, true);
        __syncthreads();
        if (!buffers.has_tile()) continue;
        Tile product{};
        buffers.multiply(product, staged, exponential);
#pragma unroll
        for (int i = 0; i < tile; ++i)
#pragma unroll
            for (int j = 0; j < tile; ++j) {
                const std::int64_t l = first + buffers.row + i;
                const int s = buffers.col + j;
                if (l < sides.longer && s < sides.shorter)
                    out[l * sides.longer_stride + s * sides.shorter_stride] =
                        static_cast<T>(inverse_variance * product[i][j]);
            }
    }
}

}  // namespace

template <class T>
void low_rank_matrix_exponential(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    if (std::min(s.rows, s.cols) > largest_low_rank_side)
        return low_rank_cusolver(s, matrices, value, gradient);
    const bool wide = s.cols > s.rows;
    const Sides sides{std::max(s.rows, s.cols), static_cast<int>(std::min(s.rows, s.cols)), wide ? 1 : s.cols,
                      wide ? s.cols : 1};
    const int tiles = (sides.shorter + tile - 1) / tile;
    const unsigned threads = static_cast<unsigned>((tiles * tiles + 31) / 32 * 32);
    simt::launch(low_rank_matrix_exponential_kernel<T>, dim3(static_cast<unsigned>(s.batch)), dim3(threads),
                 Buffers::count(tiles * tile) * sizeof(double), sides, 1.0 / (s.delta * s.delta), matrices,
                 value, gradient);
}

template void low_rank_matrix_exponential<float>(const LowRankShape&, const float*, double*, float*);
template void low_rank_matrix_exponential<double>(const LowRankShape&, const double*, double*, double*);

}  // namespace dnsp::kernels::cuda
