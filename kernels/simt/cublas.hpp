#pragma once

#include <cstdint>
#include <string>

// Products of row-major matrices on the current stream by cuBLAS, in T throughout (no TF32), float and
// double. The first call of a thread on a device creates what cuBLAS needs; later ones neither allocate nor
// synchronise, so that they can be captured in a graph. In the CUDA emulator CBLAS answers. A missing library
// is a dnsp::Error.
namespace dnsp::simt {

/// Whether the library can be loaded; and why not, as half a sentence.
bool cublas_available();
std::string cublas_unavailable_reason();

/// C ← α·op(A)·op(B) + β·C, where op(A) is m × k, op(B) is k × n, C is m × n, and op transposes or does not.
/// lda, ldb and ldc are the elements from one row to the next in memory, of A and B as they are stored. With
/// β = 0, C is only written.
template <class T>
void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha,
          const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc);

/// The same for matrix 0 … batch − 1 of each array, whose first elements lie stride_a, stride_b and stride_c
/// apart.
template <class T>
void gemm_strided_batched(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                          T alpha, const T* a, std::int64_t lda, std::int64_t stride_a, const T* b,
                          std::int64_t ldb, std::int64_t stride_b, T beta, T* c, std::int64_t ldc,
                          std::int64_t stride_c, std::int64_t batch);

}  // namespace dnsp::simt
