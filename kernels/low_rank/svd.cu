// R_δ and ∇R_δ = U diag(σ/δ²·exp(−σ²/2δ²)) Zᵀ by a singular value decomposition in T
// (kernels/low_rank/jacobi_svd.cuh). A, the matrix or its transpose, is Q·W·Σ·Zᵀ, and x = Z·Σ is at hand, so
// the gradient is Q·W·diag(exp(−σ²/2δ²)/δ²)·xᵀ. In float32, rounding of Q·R̃ costs about 5e-5 of the gradient
// of an image.
//
// A block owns a matrix in shared memory, a warp four of its columns. Bound by latency: n steps of the
// factorisation and about seven sweeps of n − 1 rounds of rotations, with a barrier each.
#include <algorithm>
#include <limits>

#include "base/divide_up.hpp"
#include "kernels/low_rank/jacobi_svd.cuh"
#include "kernels/low_rank/low_rank.hpp"

namespace dnsp::kernels::cuda {
namespace {

using namespace jacobi;

constexpr int max_sweeps = 30;

/// Stores exp(−σᵢ²/2δ²) of each column of x in place of the norms.
template <class T>
__device__ void weigh(const Shared<T>& s, const Place& place, double inverse_variance, int exponent) {
#pragma unroll
    for (int i = 0; i < columns_a_warp; ++i) {
        const int c = place.column(i);
        if (c >= s.n) break;
        T norm = 0;
        for (int j = place.lane; j < s.n; j += 32) norm = fma(s.x[c * s.n + j], s.x[c * s.n + j], norm);
        const double sigma = ldexp(static_cast<double>(sqrt(sum_over<32>(norm))), exponent);
        if (place.lane == 0) s.norms[c] = static_cast<T>(exp(-0.5 * inverse_variance * sigma * sigma));
    }
}

/// The gradient Q·W·diag(weights/δ²)·xᵀ, columns in registers, scaled back.
template <class T>
__device__ void store_gradient(const Shared<T>& s, const Orientation& o, const Place& place,
                               T inverse_variance, int exponent, T* gradient) {
    T g[columns_a_warp][rows_a_lane]{};
    for (int c = 0; c < o.n; ++c) {
        T w[rows_a_lane]{};
#pragma unroll
        for (int r = 0; r < rows_a_lane; ++r)
            if (place.row(r) < o.n) w[r] = s.norms[c] * s.w[c * o.n + place.row(r)];
#pragma unroll
        for (int i = 0; i < columns_a_warp; ++i) {
            if (place.column(i) >= o.n) break;
            const T z = s.x[c * o.n + place.column(i)];
#pragma unroll
            for (int r = 0; r < rows_a_lane; ++r) g[i][r] = fma(w[r], z, g[i][r]);
        }
    }
    for (int k = o.n - 1; k >= 0; --k) {
        const Reflector<T> reflector(s, o, place, k, s.pivot[k], s.head[k], s.tau[k]);
#pragma unroll
        for (int i = 0; i < columns_a_warp; ++i) reflector.apply(g[i]);
    }
#pragma unroll
    for (int i = 0; i < columns_a_warp; ++i)
#pragma unroll
        for (int r = 0; r < rows_a_lane; ++r)
            if (place.column(i) < o.n && place.row(r) < o.m)
                gradient[place.column(i) * o.col_stride + place.row(r) * o.row_stride] =
                    ldexp(inverse_variance * g[i][r], exponent);
}

template <class T>
__global__ void __launch_bounds__(512, 1) low_rank_svd_kernel(Orientation o, double inverse_variance,
                                                              const T* matrices, double* value, T* gradient) {
    const Shared<T> s(o.m, o.n);
    const Place place;
    const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * o.m * o.n;

    int exponent = 0;
    if (!load(s, o, place, matrices + offset, exponent)) {
        for (int e = static_cast<int>(threadIdx.x); e < o.m * o.n; e += static_cast<int>(blockDim.x))
            gradient[offset + e] = std::numeric_limits<T>::quiet_NaN();
        if (threadIdx.x == 0) value[blockIdx.x] = std::numeric_limits<double>::quiet_NaN();
        return;
    }
    for (int k = 0; k < o.n; ++k) {
        __syncthreads();
        factor_column(s, o, place, k);
    }
    __syncthreads();
    begin_jacobi(s);

    const int rounds = (o.n - 1) | 1;
    for (int sweep = 0; sweep < max_sweeps; ++sweep) {
        bool again = false;
        for (int round = 0; round < rounds; ++round) {
            __syncthreads();
            again |= rotate_pairs(s, round);
        }
        if (!__syncthreads_or(again)) break;
    }
    weigh(s, place, inverse_variance, exponent);
    __syncthreads();

    store_gradient(s, o, place, static_cast<T>(inverse_variance), exponent, gradient + offset);
    if (place.warp > 0) return;
    double weights = 0;
    for (int c = place.lane; c < o.n; c += 32) weights += static_cast<double>(s.norms[c]);
    weights = sum_over<32>(weights);
    if (place.lane == 0) value[blockIdx.x] = o.n - weights;
}

/// A square matrix is transposed too, so that lanes along columns access consecutive elements.
Orientation orientation_of(const LowRankShape& s) {
    const int rows = static_cast<int>(s.rows), cols = static_cast<int>(s.cols);
    return cols >= rows ? Orientation{cols, rows, 1, cols} : Orientation{rows, cols, cols, 1};
}

}  // namespace

template <class T>
void low_rank_svd(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    if (!low_rank_svd_fits<T>(s)) return low_rank_cusolver(s, matrices, value, gradient);
    const Orientation o = orientation_of(s);
    const int warps = divide_up(o.n, columns_a_warp);
    simt::launch(low_rank_svd_kernel<T>, dim3(static_cast<unsigned>(s.batch)),
                 dim3(static_cast<unsigned>(32 * warps)), Shared<T>::bytes(o.m, o.n), o,
                 1.0 / (s.delta * s.delta), matrices, value, gradient);
}
template <class T>
bool low_rank_svd_fits(const LowRankShape& s) {
    if (std::max(s.rows, s.cols) > largest_low_rank_side) return false;
    const Orientation o = orientation_of(s);
    return simt::fits_in_shared_memory(low_rank_svd_kernel<T>, Shared<T>::bytes(o.m, o.n));
}

DNSP_INSTANTIATE(low_rank_svd);
DNSP_INSTANTIATE(low_rank_svd_fits);

}  // namespace dnsp::kernels::cuda
