// R_δ and ∇R_δ = δ⁻²·Y·exp(−X), X = YᵀY/2δ², by the polynomials of kernels/low_rank/matrix_exponential.hpp in
// float64.
//
// A block owns a matrix and two n × n buffers in shared memory, where n is the shorter side rounded up to a
// multiple of 8. A product A·Bᵀ reads one buffer and writes the other, with one barrier. A warp owns a 16×16
// block on or above the diagonal and also stores its transpose. Bound by the tensor cores and the latency of
// about 17 dependent products.
#include <algorithm>

#include "base/divide_up.hpp"
#include "kernels/low_rank/low_rank.hpp"
#include "kernels/low_rank/matrix_exponential.hpp"
#include "kernels/simt/ptx.cuh"
#include "kernels/simt/reduce.cuh"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int octet = 8, max_strips = largest_low_rank_side / 16;
// Unused in the CUDA emulator, which ignores launch bounds.
[[maybe_unused]] constexpr int max_threads = 32 * (max_strips * (max_strips + 1) / 2);

/// Position of element (l, s) of a matrix: l counts along its longer side, s along its shorter side.
struct Sides {
    std::int64_t longer;
    int shorter;
    std::int64_t longer_stride, shorter_stride;
};

/// A thread's elements of a 16×16 block. For lane = 4·g + t, [j][2i + e] is element (8i + g, 8j + 2t + e).
using Fragment = double[2][4];

/// Strip i is rows 16i … 16i + 15. The last strip may have 8 rows.
struct Block {
    int row, col;  // strips
};

struct Buffers {
    simt::SharedSpan<double2> pairs;
    simt::SharedSpan<double> sums;  // [max_strips], of trace()
    int side, octets, g, t;

    __device__ explicit Buffers(int octet_count)
        : pairs(simt::dynamic_shared<double2>(count(octet_count))),
          sums(simt::dynamic_shared<double>(max_strips, count(octet_count) * sizeof(double2))),
          side(octet * octet_count),
          octets(octet_count),
          g(static_cast<int>(threadIdx.x) % 32 / 4),
          t(static_cast<int>(threadIdx.x) % 4) {}

    /// Rounded up to whole sets of eight pairs, within which at_pair() permutes.
    static constexpr __host__ __device__ int pairs_a_row(int octets) { return (octets + 1) / 2 * 8; }
    static constexpr __host__ __device__ std::size_t count(int octets) {
        return static_cast<std::size_t>(2 * octet * octets * pairs_a_row(octets));
    }
    static std::size_t bytes(int octets) {
        return count(octets) * sizeof(double2) + max_strips * sizeof(double);
    }

    /// Pair p of a row is stored at p ^ swizzle(row). Reading fragments, storing fragments and storing
    /// transposes have no bank conflicts; writing a column has few.
    static __device__ int swizzle(int row) { return (row & 6) ^ (row << 2 & 4) ^ (row >> 2 & 1); }
    __device__ int at_pair(int buffer, int row, int pair) const {
        return (buffer * side + row) * pairs_a_row(octets) + (pair ^ swizzle(row));
    }
    __device__ double& at(int buffer, int row, int col) const {
        double2& both = pairs[at_pair(buffer, row, col / 2)];
        return col % 2 == 0 ? both.x : both.y;
    }

    /// Row i of octet 2·strip + half. If the last strip has no second half, its first half again.
    __device__ int row(int strip, int half, int i) const {
        return octet * min(2 * strip + half, octets - 1) + i;
    }
    __device__ bool has(int strip, int half) const { return 2 * strip + half < octets; }

    /// c[i][j] += Σₖ a[i][k] · b[j][k]. Tensor cores accept any order of k: 0, 2, 4, 6, 1, 3, 5, 7 lets a
    /// lane read pairs.
    template <bool tensor_cores>
    __device__ __forceinline__ void multiply(Fragment& c, const Block& block, int a, int b) const {
        const bool same = a == b && block.row == block.col, two_columns = has(block.col, 1);
        if constexpr (tensor_cores) {
            const auto first = [&](int buffer, int strip, int half) {
                return at_pair(buffer, row(strip, half, g), swizzle(g));
            };
            const int a0 = first(a, block.row, 0), a1 = first(a, block.row, 1), b0 = first(b, block.col, 0),
                      b1 = first(b, block.col, 1);
            for (int k = 0; k < octets; ++k) {
                const int pair = (4 * k + t) ^ swizzle(g);
                const double2 left0 = pairs[a0 + pair], left1 = pairs[a1 + pair];
                const double2 right0 = same ? left0 : pairs[b0 + pair];
                const double left[4]{left0.x, left1.x, left0.y, left1.y};
                simt::mma_m16n8k8_f64(c[0], left, right0.x, right0.y, c[0]);
                if (!two_columns) continue;
                const double2 right1 = same ? left1 : pairs[b1 + pair];
                simt::mma_m16n8k8_f64(c[1], left, right1.x, right1.y, c[1]);
            }
        } else {
            for (int pair = 0; pair < 4 * octets; ++pair) {
                const double2 left[2]{pairs[at_pair(a, row(block.row, 0, g), pair)],
                                      pairs[at_pair(a, row(block.row, 1, g), pair)]};
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    const double2 right = pairs[at_pair(b, row(block.col, j / 2, 2 * t + j % 2), pair)];
#pragma unroll
                    for (int i = 0; i < 2; ++i) {
                        double& sum = c[j / 2][2 * i + j % 2];
                        sum = fma(left[i].y, right.y, fma(left[i].x, right.x, sum));
                    }
                }
            }
        }
    }

    /// Stores the block and, below the diagonal, its transpose.
    __device__ __forceinline__ void store_symmetric(int buffer, const Block& block, const Fragment& c) const {
#pragma unroll
        for (int j = 0; j < 2; ++j)
            for (int i = 0; i < 2; ++i) {
                if (!has(block.row, i) || !has(block.col, j)) continue;
                const int r = row(block.row, i, g), s = row(block.col, j, 2 * t);
                pairs[at_pair(buffer, r, s / 2)] = make_double2(c[j][2 * i], c[j][2 * i + 1]);
                if (block.row == block.col) continue;
                at(buffer, s, r) = c[j][2 * i];
                at(buffer, s + 1, r) = c[j][2 * i + 1];
            }
    }

    /// True if c[i / 2][i] is on the diagonal, i = 0 … 3. No other element is.
    __device__ bool on_diagonal(const Block& block, int i) const {
        return block.row == block.col && has(block.row, i / 2) && g == 2 * t + i % 2;
    }
};

/// Loads rows first … first + side − 1 along the longer side, zero past the end. Element (l, s) is stored in
/// row l − first, column s of the buffer, or transposed.
template <class T>
__device__ void stage(const Buffers& buffers, int buffer, const Sides& sides, const T* __restrict__ matrix,
                      std::int64_t first, bool transposed) {
    const bool along_shorter = sides.shorter_stride == 1;
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll 4
    for (int slow = static_cast<int>(threadIdx.x) / 32; slow < buffers.side;
         slow += static_cast<int>(blockDim.x) / 32)
#pragma unroll
        for (int part = 0; part < 2; ++part) {
            const int fast = lane + 32 * part;
            if (fast >= buffers.side) break;
            const int l = along_shorter ? slow : fast, s = along_shorter ? fast : slow;
            const bool inside = first + l < sides.longer && s < sides.shorter;
            const T y = inside ? matrix[(first + l) * sides.longer_stride + s * sides.shorter_stride] : T(0);
            buffers.at(buffer, transposed ? s : l, transposed ? l : s) = static_cast<double>(y);
        }
}

/// Σ of the diagonal up to row `end`, bitwise identical in all threads. Two calls need a barrier between
/// them.
__device__ __forceinline__ double trace(const Buffers& buffers, const Block& block, const Fragment& c,
                                        int end) {
    double sum = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i)
        if (buffers.on_diagonal(block, i) && buffers.row(block.row, i / 2, buffers.g) < end)
            sum += c[i / 2][i];
    if (block.row == block.col) {
        sum = simt::warp_sum(sum);
        if (threadIdx.x % 32 == 0) buffers.sums[block.row] = sum;
    }
    __syncthreads();
    double total = 0;
    for (int i = 0; 2 * i < buffers.octets; ++i) total += buffers.sums[i];
    return total;
}

/// exp(−X) for X = scale·c with eigenvalues of at most `norm`. Returns the buffer that holds it; c receives
/// its fragments. Precondition: no thread is reading the buffers.
template <bool tensor_cores>
__device__ __forceinline__ int exp_of_minus(const Buffers& buffers, const Block& block,
                                            const ExponentialTable& table, Fragment& c, double scale,
                                            double norm) {
    int which = 0, current = 0;
    for (double reach = table[0].reach; reach < norm && which < static_cast<int>(table.size()) - 1; ++which)
        reach *= 4;
    const ExponentialSteps& steps = table[which];
    double of_c = steps.start_x * scale * min(1.0, steps.reach / norm), of_h = 0,
           of_identity = steps.start_identity;
    Fragment h{};
    for (int product = 0;; ++product) {
#pragma unroll
        for (int j = 0; j < 2; ++j)
            for (int i = 0; i < 4; ++i) c[j][i] = fma(of_c, c[j][i], of_h * h[j][i]);
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (buffers.on_diagonal(block, i)) c[i / 2][i] += of_identity;
        buffers.store_symmetric(current, block, c);
        __syncthreads();
        if (product == steps.products()) return current;

        const bool doubling = product < steps.doublings, to_v = product == steps.doublings,
                   to_p = product == steps.doublings + 1;
        of_c = to_v ? steps.v_square : 1;
        of_h = to_v ? steps.v_h : to_p ? steps.p_h : 0;
        of_identity = doubling ? -2 : to_v ? steps.v_identity : to_p ? steps.p_identity : 0;
#pragma unroll
        for (int j = 0; j < 2; ++j)
            for (int i = 0; i < 4; ++i) {
                if (doubling || to_v) h[j][i] = c[j][i];
                c[j][i] = 0;
            }
        buffers.multiply<tensor_cores>(c, block, current, current);
        current = 1 - current;
    }
}

template <class T, bool tensor_cores>
__global__ void __launch_bounds__(max_threads, 1)
    low_rank_matrix_exponential_kernel(Sides sides, double inverse_variance, const ExponentialTable table,
                                       const T* matrices, double* value, T* gradient) {
    const Buffers buffers(divide_up(sides.shorter, octet));
    const int warp = static_cast<int>(threadIdx.x) / 32, warps = static_cast<int>(blockDim.x) / 32,
              strips = (buffers.octets + 1) / 2;
    const std::int64_t size = sides.longer * sides.shorter;
    const T* const matrix = matrices + blockIdx.x * size;
    T* const out = gradient + blockIdx.x * size;
    Block block{0, warp};
    while (block.col >= strips) {
        ++block.row;
        block.col -= strips - block.row;
    }

    Fragment c{};
    int current = 0;
    for (std::int64_t first = 0; first < sides.longer; first += buffers.side) {
        stage(buffers, current, sides, matrix, first, true);
        __syncthreads();
        buffers.multiply<tensor_cores>(c, block, current, current);
        current = 1 - current;
    }
    // ‖Y‖² is the trace of the Gram matrix and bounds its eigenvalues.
    const double scale = 0.5 * inverse_variance, norm = scale * trace(buffers, block, c, sides.shorter);
    if (!isfinite(norm)) {
        for (std::int64_t e = threadIdx.x; e < size; e += blockDim.x) out[e] = static_cast<T>(nan(""));
        if (threadIdx.x == 0) value[blockIdx.x] = nan("");
        return;
    }

    const int exponential = exp_of_minus<tensor_cores>(buffers, block, table, c, scale, norm);
    const double sum = trace(buffers, block, c, sides.shorter);
    if (threadIdx.x == 0) value[blockIdx.x] = sides.shorter - sum;

    for (std::int64_t first = 0; first < sides.longer; first += buffers.side) {
        if (first > 0) __syncthreads();
        stage(buffers, 1 - exponential, sides, matrix, first, false);
        __syncthreads();

        for (int b = warp; b < strips * strips; b += warps) {
            const Block of_gradient{b / strips, b % strips};
            Fragment product{};
            buffers.multiply<tensor_cores>(product, of_gradient, 1 - exponential, exponential);
#pragma unroll
            for (int j = 0; j < 2; ++j)
                for (int i = 0; i < 4; ++i) {
                    if (!buffers.has(of_gradient.row, i / 2) || !buffers.has(of_gradient.col, j)) continue;
                    const std::int64_t l = first + buffers.row(of_gradient.row, i / 2, buffers.g);
                    const int s = buffers.row(of_gradient.col, j, 2 * buffers.t + i % 2);
                    if (l < sides.longer && s < sides.shorter)
                        out[l * sides.longer_stride + s * sides.shorter_stride] =
                            static_cast<T>(inverse_variance * product[j][i]);
                }
        }
    }
}

int octets_of(const LowRankShape& s) { return divide_up(static_cast<int>(std::min(s.rows, s.cols)), octet); }

template <class T, bool tensor_cores>
bool fits(const LowRankShape& s) {
    return std::min(s.rows, s.cols) <= largest_low_rank_side &&
           simt::fits_in_shared_memory(low_rank_matrix_exponential_kernel<T, tensor_cores>,
                                       Buffers::bytes(octets_of(s)));
}

template <class T, bool tensor_cores>
void launch_on(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    if (!fits<T, tensor_cores>(s)) return low_rank_cusolver(s, matrices, value, gradient);
    const bool wide = s.cols > s.rows;
    const Sides sides{std::max(s.rows, s.cols), static_cast<int>(std::min(s.rows, s.cols)), wide ? 1 : s.cols,
                      wide ? s.cols : 1};
    const int octets = octets_of(s), strips = (octets + 1) / 2;
    simt::launch(low_rank_matrix_exponential_kernel<T, tensor_cores>, dim3(static_cast<unsigned>(s.batch)),
                 dim3(static_cast<unsigned>(32 * (strips * (strips + 1) / 2))), Buffers::bytes(octets), sides,
                 1.0 / (s.delta * s.delta), exponential_table(), matrices, value, gradient);
}

bool has_tensor_cores() { return simt::compute_capability() >= 80; }

}  // namespace

template <class T>
void low_rank_matrix_exponential(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    if (!has_tensor_cores()) return low_rank_matrix_exponential_fma(s, matrices, value, gradient);
    launch_on<T, true>(s, matrices, value, gradient);
}
template <class T>
void low_rank_matrix_exponential_fma(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    launch_on<T, false>(s, matrices, value, gradient);
}
template <class T>
bool low_rank_matrix_exponential_fits(const LowRankShape& s) {
    return has_tensor_cores() ? fits<T, true>(s) : fits<T, false>(s);
}

DNSP_INSTANTIATE(low_rank_matrix_exponential);
DNSP_INSTANTIATE(low_rank_matrix_exponential_fma);
DNSP_INSTANTIATE(low_rank_matrix_exponential_fits);

}  // namespace dnsp::kernels::cuda
