// cublas.hpp and cusolver.hpp in the CUDA emulator by CBLAS and LAPACKE; device memory is host memory.
#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "base/device/capture.hpp"
#include "base/error.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"
#include "kernels/simt/host/executor.hpp"

namespace dnsp::simt {
namespace {

/// cuSOLVER's behaviour on non-finite numbers is undocumented, so callers must not pass them.
void require_finite(const double* values, std::int64_t count) {
    require(std::all_of(values, values + count, [](double value) { return std::isfinite(value); }),
            "[CUDA emulator] cuSOLVER was given a matrix that is not finite");
}

}  // namespace

bool cublas_available() { return true; }
std::string cublas_unavailable_reason() { return ""; }
bool cusolver_available() { return true; }
std::string cusolver_unavailable_reason() { return ""; }

template <class T>
void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha,
          const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc) {
    const auto operation = [](bool transpose) { return transpose ? CblasTrans : CblasNoTrans; };
    const auto size = [](std::int64_t extent) { return static_cast<blasint>(extent); };
    const auto product = [=](auto function) {
        function(CblasRowMajor, operation(transpose_a), operation(transpose_b), size(m), size(n), size(k),
                 alpha, a, size(lda), b, size(ldb), beta, c, size(ldc));
    };
    host::run_or_record([=] {
        if constexpr (std::is_same_v<T, float>)
            product(cblas_sgemm);
        else
            product(cblas_dgemm);
    });
}

template <class T>
void gemm_strided_batched(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                          T alpha, const T* a, std::int64_t lda, std::int64_t stride_a, const T* b,
                          std::int64_t ldb, std::int64_t stride_b, T beta, T* c, std::int64_t ldc,
                          std::int64_t stride_c, std::int64_t batch) {
    for (std::int64_t i = 0; i < batch; ++i)
        gemm(transpose_a, transpose_b, m, n, k, alpha, a + i * stride_a, lda, b + i * stride_b, ldb, beta,
             c + i * stride_c, ldc);
}

void svd(std::int64_t rows, std::int64_t cols, double* matrix, double* sigma, double* left, double* right,
         int* info) {
    require_not_capturing("cuSOLVER");
    require_finite(matrix, rows * cols);
    // LAPACK's U (rows × r) is our `left` transposed.
    const std::int64_t rank = std::min(rows, cols);
    std::vector<double> u(static_cast<std::size_t>(rows * rank)),
        superdiagonal(static_cast<std::size_t>(rank));
    *info = LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'S', 'S', static_cast<lapack_int>(rows),
                           static_cast<lapack_int>(cols), matrix, static_cast<lapack_int>(cols), sigma,
                           u.data(), static_cast<lapack_int>(rank), right, static_cast<lapack_int>(cols),
                           superdiagonal.data());
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t i = 0; i < rank; ++i)
            left[i * rows + row] = u[static_cast<std::size_t>(row * rank + i)];
}

void symmetric_eigen_batched(std::int64_t n, std::int64_t batch, double* matrices, double* eigenvalues,
                             int* info) {
    require_not_capturing("cuSOLVER");
    require_finite(matrices, batch * n * n);
    // Column-major, so that LAPACK's eigenvectors, stored as columns, become rows.
    for (std::int64_t i = 0; i < batch; ++i)
        info[i] = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', static_cast<lapack_int>(n), matrices + i * n * n,
                                 static_cast<lapack_int>(n), eigenvalues + i * n);
}

#define INSTANTIATE(T)                                                                                       \
    template void gemm<T>(bool, bool, std::int64_t, std::int64_t, std::int64_t, T, const T*, std::int64_t,   \
                          const T*, std::int64_t, T, T*, std::int64_t);                                      \
    template void gemm_strided_batched<T>(bool, bool, std::int64_t, std::int64_t, std::int64_t, T, const T*, \
                                          std::int64_t, std::int64_t, const T*, std::int64_t, std::int64_t,  \
                                          T, T*, std::int64_t, std::int64_t, std::int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace dnsp::simt
