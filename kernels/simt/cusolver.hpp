#pragma once

#include <cstdint>
#include <string>

// Decompositions of dense row-major matrices on the current stream by cuSOLVER, in float64. The CUDA emulator
// uses LAPACK. Throws dnsp::Error if the library is missing.
//
// All pointers are device pointers. info[i] is 0 on success, else the library's error code, and the other
// results of that matrix are invalid. cuSOLVER may synchronise with the host, so these calls cannot be
// captured in a graph.
namespace dnsp::simt {

/// True if the library can be loaded; and the reason if not.
bool cusolver_available();
std::string cusolver_unavailable_reason();

/// A = Σ σᵢ uᵢ zᵢᵀ for rows × cols, r = min(rows, cols), by one-sided Jacobi (gesvdj). Writes sigma[r] in
/// descending order, uᵢ to row i of left[r, rows], zᵢ to row i of right[r, cols]. Overwrites `matrix`.
void svd(std::int64_t rows, std::int64_t cols, double* matrix, double* sigma, double* left, double* right,
         int* info);

/// For each of `batch` symmetric n × n matrices (XsyevBatched): eigenvalues[n] in ascending order; row i of
/// the matrix becomes eigenvector i.
void symmetric_eigen_batched(std::int64_t n, std::int64_t batch, double* matrices, double* eigenvalues,
                             int* info);

}  // namespace dnsp::simt
