#pragma once

// Singular value decomposition of a small matrix in the shared memory of a block, in T.
//
// A = Q·R̃ by Householder reflections with column pivoting; columns are not moved. Then one-sided Jacobi
// rotations W make the columns of R̃ᵀ·W orthogonal: R̃ᵀ·W = Z·Σ, so A = (Q·W)·Σ·Zᵀ. The columns of R̃ᵀ are
// sorted by size. Jacobi then converges in about seven sweeps, and rotations between large and small columns
// have small angles.
//
// In the factorisation a warp owns four columns; in a rotation half a warp owns a pair of columns. The caller
// (kernels/low_rank/svd.cu) loops over the steps, with a barrier between them.
#include <cstdint>
#include <limits>

#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda::jacobi {

constexpr unsigned all_lanes = 0xffffffffu;
constexpr int columns_a_warp = 4, rows_a_lane = 2;  // 16 warps, 32 lanes: 64 × 64

/// Squared norms and dot products of columns below this are treated as zero. The largest element of A is in
/// [½, 1].
template <class T>
constexpr T dust = 16 * std::numeric_limits<T>::min();

/// Maps element (i, j) of A, m × n with m ≥ n, to the stored matrix.
struct Orientation {
    int m, n;
    int row_stride, col_stride;
};

/// Shared memory. Matrices are column-major, so that the lanes of a warp run along columns.
template <class T>
struct Shared {
    simt::SharedSpan<T> a;        // [n][odd(m)], R̃ above and Householder vectors below
    simt::SharedSpan<T> x;        // [n][n], R̃ᵀ; Jacobi makes its columns orthogonal
    simt::SharedSpan<T> w;        // [n][n], the product of all rotations
    simt::SharedSpan<T> norms;    // [2][n], squared norm of the rest of each column; −1 if factored
    simt::SharedSpan<T> head;     // [n], first element of each Householder vector
    simt::SharedSpan<T> tau;      // [n]
    simt::SharedSpan<int> pivot;  // [n], column factored in each step
    simt::SharedSpan<int> step;   // [n], inverse of pivot
    int n, stride;

    __device__ Shared(int rows, int cols) : n(cols), stride(rows | 1) {
        std::size_t offset = 0;
        const auto carve = [&]<class E>(simt::SharedSpan<E>& span, int count) {
            span = simt::dynamic_shared<E>(static_cast<std::size_t>(count), offset);
            offset += static_cast<std::size_t>(count) * sizeof(E);
        };
        carve(a, n * stride);
        carve(x, n * n);
        carve(w, n * n);
        carve(norms, 2 * n);
        carve(head, n);
        carve(tau, n);
        carve(pivot, n);
        carve(step, n);
    }
    static std::size_t bytes(int rows, int cols) {
        return static_cast<std::size_t>(cols * (rows | 1) + 2 * cols * cols + 4 * cols) * sizeof(T) +
               static_cast<std::size_t>(2 * cols) * sizeof(int);
    }
};

struct Place {
    int warp, warps, lane;
    __device__ Place()
        : warp(static_cast<int>(threadIdx.x) / 32),
          warps(static_cast<int>(blockDim.x) / 32),
          lane(static_cast<int>(threadIdx.x) % 32) {}
    /// Column i of this warp; may be past the last column.
    __device__ int column(int i) const { return warp + i * warps; }
    /// Row r of this lane.
    __device__ int row(int r) const { return lane + r * 32; }
};

/// The sum over each group of `lanes` lanes, bitwise identical in all of them.
template <int lanes, class T>
__device__ T sum_over(T value) {
#pragma unroll
    for (int distance = lanes / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(all_lanes, value, distance);
    return value;
}

/// Loads A, scaled by the power of two that brings its largest element into [½, 1], so that squares neither
/// overflow nor underflow, and the squared norms of its columns. Returns false if the matrix is not finite.
template <class T>
__device__ bool load(const Shared<T>& s, const Orientation& o, const Place& place, const T* matrix,
                     int& exponent) {
    T values[columns_a_warp][rows_a_lane]{};
    T largest = 0;
    bool finite = true;
#pragma unroll
    for (int i = 0; i < columns_a_warp; ++i)
#pragma unroll
        for (int r = 0; r < rows_a_lane; ++r)
            if (place.column(i) < o.n && place.row(r) < o.m) {
                values[i][r] = matrix[place.column(i) * o.col_stride + place.row(r) * o.row_stride];
                finite = finite && isfinite(values[i][r]);
                largest = max(largest, abs(values[i][r]));
            }
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        largest = max(largest, __shfl_xor_sync(all_lanes, largest, distance));
    if (place.lane == 0) s.head[place.warp] = largest;
    if (__syncthreads_or(!finite)) return false;
    for (int warp = 0; warp < place.warps; ++warp) largest = max(largest, s.head[warp]);
    exponent = largest > 0 ? ilogb(largest) + 1 : 0;

#pragma unroll
    for (int i = 0; i < columns_a_warp; ++i) {
        const int j = place.column(i);
        if (j >= o.n) break;
        T norm = 0;
#pragma unroll
        for (int r = 0; r < rows_a_lane; ++r) {
            const T value = ldexp(values[i][r], -exponent);
            norm = fma(value, value, norm);
            if (place.row(r) < o.m) s.a[j * s.stride + place.row(r)] = value;
        }
        norm = sum_over<32>(norm);
        if (place.lane == 0) s.norms[j] = norm;
    }
    return true;
}

/// The column with the largest rest; the first of equals.
template <class T>
__device__ int choose_pivot(const Shared<T>& s, const Place& place, int norms) {
    T best = -2;
    int column = s.n;
    for (int j = place.lane; j < s.n; j += 32)
        if (s.norms[norms + j] > best) {
            best = s.norms[norms + j];
            column = j;
        }
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        const T other = __shfl_xor_sync(all_lanes, best, distance);
        const int other_column = __shfl_xor_sync(all_lanes, column, distance);
        if (other > best || (other == best && other_column < column)) {
            best = other;
            column = other_column;
        }
    }
    return column;
}

/// The Householder vector v of step k, in the rows of this lane.
template <class T>
struct Reflector {
    T v[rows_a_lane];
    T tau;

    __device__ Reflector(const Shared<T>& s, const Orientation& o, const Place& place, int k, int column,
                         T head, T reflector_tau)
        : tau(reflector_tau) {
#pragma unroll
        for (int r = 0; r < rows_a_lane; ++r) {
            const int row = place.row(r);
            v[r] = row == k ? head : row > k && row < o.m ? s.a[column * s.stride + row] : T(0);
        }
    }
    /// y − τ·v·(vᵀy)
    __device__ void apply(T (&y)[rows_a_lane]) const {
        T dot = 0;
#pragma unroll
        for (int r = 0; r < rows_a_lane; ++r) dot = fma(v[r], y[r], dot);
        const T factor = tau * sum_over<32>(dot);
#pragma unroll
        for (int r = 0; r < rows_a_lane; ++r) y[r] = fma(-factor, v[r], y[r]);
    }
};

/// Step k of the factorisation. Every warp chooses the pivot and forms the reflector itself. The pivot column
/// is not modified, because other warps may still read it; its diagonal element goes to x.
template <class T>
__device__ void factor_column(const Shared<T>& s, const Orientation& o, const Place& place, int k) {
    const int norms = k % 2 * s.n, next_norms = s.n - norms;
    const int p = choose_pivot(s, place, norms);
    // Once the rank is exhausted, the rest is rounding error, and the inverse of its square overflows.
    const T left_of_pivot = s.norms[norms + p], norm = left_of_pivot < dust<T> ? T(0) : sqrt(left_of_pivot);
    const T first = s.a[p * s.stride + k];
    const T diagonal = first > 0 ? -norm : norm, head = first - diagonal;
    const Reflector<T> reflector(s, o, place, k, p, head, norm > 0 ? 1 / (norm * (norm + abs(first))) : T(0));
    if (threadIdx.x == 0) {
        s.x[k * s.n + p] = diagonal;
        s.head[k] = head;
        s.tau[k] = reflector.tau;
        s.pivot[k] = p;
        s.step[p] = k;
    }
#pragma unroll
    for (int i = 0; i < columns_a_warp; ++i) {
        const int j = place.column(i);
        if (j >= s.n) break;
        T left = -1;
        if (j != p && s.norms[norms + j] >= 0) {
            T y[rows_a_lane]{};
#pragma unroll
            for (int r = 0; r < rows_a_lane; ++r)
                if (place.row(r) < o.m) y[r] = s.a[j * s.stride + place.row(r)];
            reflector.apply(y);
            left = 0;
#pragma unroll
            for (int r = 0; r < rows_a_lane; ++r) {
                if (place.row(r) < o.m) s.a[j * s.stride + place.row(r)] = y[r];
                if (place.row(r) > k) left = fma(y[r], y[r], left);
            }
            left = sum_over<32>(left);
        }
        if (place.lane == 0) s.norms[next_norms + j] = left;
    }
}

/// Sets x to R̃ᵀ (its diagonal is already there) and w to the identity.
template <class T>
__device__ void begin_jacobi(const Shared<T>& s) {
    for (int e = static_cast<int>(threadIdx.x); e < s.n * s.n; e += static_cast<int>(blockDim.x)) {
        const int i = e / s.n, j = e % s.n;
        if (i != s.step[j]) s.x[e] = i < s.step[j] ? s.a[j * s.stride + i] : T(0);
        s.w[e] = i == j ? T(1) : T(0);
    }
}

/// One round of a round-robin tournament of the columns (padded to an even number). Each column meets one
/// other per round, and all others in rounds 0 … n − 2. Returns true if a pair's cosine was large enough to
/// need another sweep.
template <class T>
__device__ bool rotate_pairs(const Shared<T>& s, int round) {
    constexpr int lanes = 16, max_rows = 4;
    // Smaller cosines than `tolerance` are rounding error. Below `large`, one rotation reduces them to
    // rounding error.
    const T tolerance = 8 * std::numeric_limits<T>::epsilon(), large = sqrt(tolerance);
    const int lane = static_cast<int>(threadIdx.x) % lanes, pair = static_cast<int>(threadIdx.x) / lanes;
    const int rounds = (s.n - 1) | 1;
    const int one = (round + pair) % rounds, other = pair == 0 ? rounds : (round + rounds - pair) % rounds;
    const int first = min(one, other) * s.n, second = max(one, other) * s.n;
    const bool active = 2 * pair <= rounds && second < s.n * s.n;

    T a[max_rows]{}, b[max_rows]{};
    T aa = 0, bb = 0, ab = 0;
#pragma unroll
    for (int r = 0; r < max_rows; ++r) {
        const int row = lane + r * lanes;
        if (active && row < s.n) {
            a[r] = s.x[first + row];
            b[r] = s.x[second + row];
        }
        aa = fma(a[r], a[r], aa);
        bb = fma(b[r], b[r], bb);
        ab = fma(a[r], b[r], ab);
    }
    aa = sum_over<lanes>(aa);
    bb = sum_over<lanes>(bb);
    ab = sum_over<lanes>(ab);
    const T product_of_norms = sqrt(aa) * sqrt(bb);
    if (!(abs(ab) > max(tolerance * product_of_norms, dust<T>))) return false;

    const T zeta = (bb - aa) / (2 * ab);
    // hypot(1, ζ); ζ² may overflow.
    const T hypotenuse = abs(zeta) < 1 / tolerance ? sqrt(fma(zeta, zeta, T(1))) : abs(zeta);
    const T tangent = copysign(1 / (abs(zeta) + hypotenuse), zeta);
    const T cosine = 1 / sqrt(fma(tangent, tangent, T(1)));
#pragma unroll
    for (int r = 0; r < max_rows; ++r) {
        const int row = lane + r * lanes;
        if (row >= s.n) break;
        s.x[first + row] = cosine * fma(-tangent, b[r], a[r]);
        s.x[second + row] = cosine * fma(tangent, a[r], b[r]);
        const T wa = s.w[first + row], wb = s.w[second + row];
        s.w[first + row] = cosine * fma(-tangent, wb, wa);
        s.w[second + row] = cosine * fma(tangent, wa, wb);
    }
    return abs(ab) > large * product_of_norms;
}

}  // namespace dnsp::kernels::cuda::jacobi
