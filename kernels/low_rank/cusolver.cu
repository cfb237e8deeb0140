// R_δ and its gradient by cuSOLVER and cuBLAS in float64, for matrices of any size: the reference for the
// other paths.
//
// If the shorter side is at most 512, a batch uses eigenvectors V of YᵀY (or of YYᵀ, the smaller one): ∇R_δ =
// δ⁻²·Y·V diag(e^(−λ/2δ²)) Vᵀ. Otherwise gesvdj processes one matrix after the other: ∇R_δ = U
// diag(σ/δ²·e^(−σ²/2δ²)) Zᵀ. The kernels here only convert and scale. A block owns a matrix. Bound by device
// memory.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/low_rank/low_rank.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"
#include "kernels/simt/reduce.cuh"
#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256;
constexpr std::int64_t largest_eigenproblem = 512;

/// copy ← the matrix in float64; norm[b] ← ‖Y‖². If the matrix is not finite, neither is the norm, and copy ←
/// 0: the library's behaviour on non-finite matrices is undocumented.
template <class T>
__global__ void __launch_bounds__(threads)
    prepare_kernel(std::int64_t size, const T* matrices, double* copies, double* norm) {
    const T* const matrix = matrices + blockIdx.x * size;
    double* const copy = copies + blockIdx.x * size;
    double sum = 0;
    for (std::int64_t e = threadIdx.x; e < size; e += threads) {
        const double y = static_cast<double>(matrix[e]);
        copy[e] = y;
        sum = fma(y, y, sum);
    }
    sum = simt::block_sum<threads>(sum);
    if (threadIdx.x == 0) norm[blockIdx.x] = sum;
    if (!isfinite(sum))
        for (std::int64_t e = threadIdx.x; e < size; e += threads) copy[e] = 0;
}

/// The contents of the spectrum, and the factor of row i of `vectors`.
enum class Spectrum {
    eigenvalues,  ///< λᵢ of YᵀY; factor √e^(−λ/2δ²), for the product of the vectors with themselves
    singular_values  ///< σᵢ of Y; factor σ/δ²·e^(−σ²/2δ²)
};

/// Scales the rows of vectors[b, count, length]. value[b] ← count − Σ e^(−σ²/2δ²), or NaN if `norm` is not
/// finite or `info` reports a failure.
template <Spectrum kind>
__global__ void __launch_bounds__(threads)
    weigh_kernel(int count, std::int64_t length, double inverse_variance, const double* spectrum,
                 const double* norm, const int* info, double* vectors, double* value) {
    const std::int64_t b = blockIdx.x;
    const auto exponent = [&](int i) {
        const double s = spectrum[b * count + i];
        // Rounding can make eigenvalues of a singular matrix negative.
        return 0.5 * inverse_variance * (kind == Spectrum::eigenvalues ? max(s, 0.0) : s * s);
    };
    double weights = 0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) weights += exp(-exponent(i));
    weights = simt::block_sum<threads>(weights);
    if (threadIdx.x == 0)
        value[b] =
            isfinite(norm[b]) && info[b] == 0 ? count - weights : std::numeric_limits<double>::quiet_NaN();

    double* const rows = vectors + b * count * length;
    for (int i = 0; i < count; ++i) {
        const double factor = kind == Spectrum::eigenvalues
                                  ? exp(-0.5 * exponent(i))
                                  : inverse_variance * spectrum[b * count + i] * exp(-exponent(i));
        for (std::int64_t e = threadIdx.x; e < length; e += threads) rows[i * length + e] *= factor;
    }
}

/// gradient ← scale · result, or NaN if the value is NaN.
template <class T>
__global__ void __launch_bounds__(threads)
    convert_kernel(std::int64_t size, double scale, const double* results, const double* value, T* gradient) {
    const bool valid = isfinite(value[blockIdx.x]);
    for (std::int64_t e = threadIdx.x; e < size; e += threads) {
        const std::int64_t at = blockIdx.x * size + e;
        gradient[at] = valid ? static_cast<T>(scale * results[at]) : std::numeric_limits<T>::quiet_NaN();
    }
}

template <class T>
void by_eigenvectors(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    const std::int64_t size = s.rows * s.cols, n = std::min(s.rows, s.cols),
                       longer = std::max(s.rows, s.cols);
    const bool wide = s.cols > s.rows;
    const double inverse_variance = 1.0 / (s.delta * s.delta);
    const dim3 grid(static_cast<unsigned>(s.batch)), block(threads);
    const simt::Workspace<double> copies(s.batch * size), vectors(s.batch * n * n),
        exponential(s.batch * n * n), eigenvalues(s.batch * n), norm(s.batch);
    const simt::Workspace<int> info(s.batch);

    simt::launch(prepare_kernel<T>, grid, block, 0, size, matrices, copies.data(), norm.data());
    simt::gemm_strided_batched(!wide, wide, n, n, longer, 1.0, copies.data(), s.cols, size, copies.data(),
                               s.cols, size, 0.0, vectors.data(), n, n * n, s.batch);
    simt::symmetric_eigen_batched(n, s.batch, vectors.data(), eigenvalues.data(), info.data());
    simt::launch(weigh_kernel<Spectrum::eigenvalues>, grid, block, 0, static_cast<int>(n), n,
                 inverse_variance, eigenvalues.data(), norm.data(), info.data(), vectors.data(), value);
    simt::gemm_strided_batched(true, false, n, n, n, 1.0, vectors.data(), n, n * n, vectors.data(), n, n * n,
                               0.0, exponential.data(), n, n * n, s.batch);
    const simt::Workspace<double> product(s.batch * size);
    const double *left = wide ? exponential.data() : copies.data(),
                 *right = wide ? copies.data() : exponential.data();
    simt::gemm_strided_batched(false, false, s.rows, s.cols, n, 1.0, left, n, wide ? n * n : size, right,
                               s.cols, wide ? size : n * n, 0.0, product.data(), s.cols, size, s.batch);
    simt::launch(convert_kernel<T>, grid, block, 0, size, inverse_variance, product.data(), value, gradient);
}

/// The gesvdj path for one matrix.
template <class T>
void by_singular_vectors(const LowRankShape& s, const T* matrix, double* value, T* gradient) {
    const std::int64_t size = s.rows * s.cols, n = std::min(s.rows, s.cols);
    const double inverse_variance = 1.0 / (s.delta * s.delta);
    const dim3 grid(1), block(threads);
    const simt::Workspace<double> copy(size), left(n * s.rows), right(n * s.cols), sigma(n), norm(1);
    const simt::Workspace<int> info(1);

    simt::launch(prepare_kernel<T>, grid, block, 0, size, matrix, copy.data(), norm.data());
    simt::svd(s.rows, s.cols, copy.data(), sigma.data(), left.data(), right.data(), info.data());
    simt::launch(weigh_kernel<Spectrum::singular_values>, grid, block, 0, static_cast<int>(n), s.rows,
                 inverse_variance, sigma.data(), norm.data(), info.data(), left.data(), value);
    // gesvdj has overwritten the copy, so the product can be stored there.
    simt::gemm(true, false, s.rows, s.cols, n, 1.0, left.data(), s.rows, right.data(), s.cols, 0.0,
               copy.data(), s.cols);
    simt::launch(convert_kernel<T>, grid, block, 0, size, 1.0, copy.data(), value, gradient);
}

}  // namespace

template <class T>
void low_rank_cusolver(const LowRankShape& s, const T* matrices, double* value, T* gradient) {
    if (s.batch > 1 && std::min(s.rows, s.cols) <= largest_eigenproblem)
        return by_eigenvectors(s, matrices, value, gradient);
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const std::int64_t first = b * s.rows * s.cols;
        by_singular_vectors(s, matrices + first, value + b, gradient + first);
    }
}

DNSP_INSTANTIATE(low_rank_cusolver);

}  // namespace dnsp::kernels::cuda
