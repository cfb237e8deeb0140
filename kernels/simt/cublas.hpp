#pragma once

#include <cstdint>
#include <string>

// GEMMs of row-major matrices on the current stream by cuBLAS, in T (no TF32), float and double. The first
// call of a thread on a device creates the cuBLAS handle. Later calls neither allocate nor synchronise, so
// they can be captured in a graph. The CUDA emulator uses CBLAS. Throws dnsp::Error if the library is
// missing.
namespace dnsp::simt {

/// True if the library can be loaded; and the reason if not.
bool cublas_available();
std::string cublas_unavailable_reason();

/// C ← α·op(A)·op(B) + β·C, where op(A) is m × k, op(B) is k × n, C is m × n, and op optionally transposes.
/// lda, ldb and ldc are row strides, in elements, of A and B as stored and of C. If β = 0, C is not read.
template <class T>
void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha,
          const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc);

/// The same for each matrix 0 … batch − 1. stride_a, stride_b and stride_c are the distances between
/// matrices, in elements.
template <class T>
void gemm_strided_batched(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                          T alpha, const T* a, std::int64_t lda, std::int64_t stride_a, const T* b,
                          std::int64_t ldb, std::int64_t stride_b, T beta, T* c, std::int64_t ldc,
                          std::int64_t stride_c, std::int64_t batch);

}  // namespace dnsp::simt
