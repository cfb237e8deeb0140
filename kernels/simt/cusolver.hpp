#pragma once

#include <cstdint>
#include <string>

// Decompositions of dense row-major matrices on the current stream by cuSOLVER, in float64. In the CUDA
// emulator LAPACK answers. A missing library is a dnsp::Error.
//
// Every pointer is to device memory. info[i] becomes 0, or what the library says of a matrix that it could
// not decompose; then the other results are not to be used. cuSOLVER does not promise to leave the host
// alone: these calls may synchronise, and are not to be captured in a graph.
namespace dnsp::simt {

/// Whether the library can be loaded; and why not, as half a sentence.
bool cusolver_available();
std::string cusolver_unavailable_reason();

/// A = Σ σᵢ uᵢ zᵢᵀ for rows × cols, r = min(rows, cols): sigma[r] descending, row i of left[r, rows] is uᵢ,
/// row i of right[r, cols] is zᵢ. One-sided Jacobi (gesvdj). The matrix is destroyed.
void svd(std::int64_t rows, std::int64_t cols, double* matrix, double* sigma, double* left, double* right,
         int* info);

/// For each of `batch` symmetric n × n matrices: eigenvalues[n] ascending, and row i of the matrix becomes
/// the eigenvector of eigenvalue i (XsyevBatched).
void symmetric_eigen_batched(std::int64_t n, std::int64_t batch, double* matrices, double* eigenvalues,
                             int* info);

}  // namespace dnsp::simt
