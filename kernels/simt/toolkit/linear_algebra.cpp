// cublas.hpp and cusolver.hpp by the CUDA toolkit's libraries. These are column-major: a row-major matrix is
// the transpose of the column-major matrix in the same memory.
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/device/capture.hpp"
#include "base/device/dynamic_library.hpp"
#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "base/workspace.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"

namespace dnsp::simt {
namespace {

DynamicLibrary& cublas() {
    static DynamicLibrary library("cuBLAS", {"libcublas.so.13", "libcublas.so.12"});
    return library;
}
DynamicLibrary& cusolver() {
    static DynamicLibrary library("cuSOLVER", {"libcusolver.so.12", "libcusolver.so.11"});
    return library;
}

void check(cublasStatus_t status, const char* function) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw Error("[cuda] cuBLAS: " + std::string(function) + " failed with status " + std::to_string(status));
}
void check(cusolverStatus_t status, const char* function) {
    if (status == CUSOLVER_STATUS_SUCCESS) return;
    throw Error("[cuda] cuSOLVER: " + std::string(function) + " failed with status " +
                std::to_string(status));
}

// The headers rename some functions by macros. The indirection expands them before stringification.
#define DNSP_STRING(name) #name
#define DNSP_FUNCTION(library, name) library().function<decltype(name)>(DNSP_STRING(name))
/// Calls a library function and checks its status.
#define DNSP_CALL(library, name, ...)                              \
    do {                                                           \
        static const auto function = DNSP_FUNCTION(library, name); \
        check(function(__VA_ARGS__), DNSP_STRING(name));           \
    } while (false)

cudaStream_t stream() { return static_cast<cudaStream_t>(current_stream()); }

/// Per thread and device state: the libraries forbid sharing a handle between threads.
template <class State>
State& of_this_device() {
    thread_local std::map<int, State> states;
    int device = 0;
    require(cudaGetDevice(&device) == cudaSuccess, "[cuda] no device is selected");
    return states[device];
}

class Cublas {
  public:
    Cublas()
        : destroy_(DNSP_FUNCTION(cublas, cublasDestroy)), workspace_(allocate(workspace_bytes), release) {
        require(workspace_ != nullptr, "[cuda] not enough device memory for the workspace of cuBLAS");
        DNSP_CALL(cublas, cublasCreate, &handle_);
    }
    ~Cublas() {
        if (handle_) destroy_(handle_);
    }
    Cublas(const Cublas&) = delete;
    Cublas& operator=(const Cublas&) = delete;

    cublasHandle_t on_current_stream() {
        DNSP_CALL(cublas, cublasSetStream, handle_, stream());
        // The library's default workspace would be allocated by every graph that captures a call.
        DNSP_CALL(cublas, cublasSetWorkspace, handle_, workspace_.get(), workspace_bytes);
        return handle_;
    }

  private:
    static constexpr std::size_t workspace_bytes = 32 << 20;  // NVIDIA's recommendation for Hopper
    decltype(cublasDestroy)* destroy_;
    std::unique_ptr<void, void (*)(void*)> workspace_;
    cublasHandle_t handle_ = nullptr;
};

class Cusolver {
  public:
    Cusolver()
        : destroy_(DNSP_FUNCTION(cusolver, cusolverDnDestroy)),
          destroy_params_(DNSP_FUNCTION(cusolver, cusolverDnDestroyParams)),
          destroy_jacobi_(DNSP_FUNCTION(cusolver, cusolverDnDestroyGesvdjInfo)) {
        DNSP_CALL(cusolver, cusolverDnCreate, &handle_);
        DNSP_CALL(cusolver, cusolverDnCreateParams, &params_);
        DNSP_CALL(cusolver, cusolverDnCreateGesvdjInfo, &jacobi_);
    }
    ~Cusolver() {
        if (jacobi_) destroy_jacobi_(jacobi_);
        if (params_) destroy_params_(params_);
        if (handle_) destroy_(handle_);
    }
    Cusolver(const Cusolver&) = delete;
    Cusolver& operator=(const Cusolver&) = delete;

    cusolverDnHandle_t on_current_stream() {
        DNSP_CALL(cusolver, cusolverDnSetStream, handle_, stream());
        return handle_;
    }
    cusolverDnParams_t params() const { return params_; }
    gesvdjInfo_t jacobi() const { return jacobi_; }

  private:
    decltype(cusolverDnDestroy)* destroy_;
    decltype(cusolverDnDestroyParams)* destroy_params_;
    decltype(cusolverDnDestroyGesvdjInfo)* destroy_jacobi_;
    cusolverDnHandle_t handle_ = nullptr;
    cusolverDnParams_t params_ = nullptr;
    gesvdjInfo_t jacobi_ = nullptr;
};

cublasOperation_t operation(bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; }

}  // namespace

bool cublas_available() { return cublas().available(); }
std::string cublas_unavailable_reason() { return cublas().unavailable_reason(); }
bool cusolver_available() { return cusolver().available(); }
std::string cusolver_unavailable_reason() { return cusolver().unavailable_reason(); }

template <class T>
void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha,
          const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc) {
    if (m == 0 || n == 0) return;
    // Cᵀ = op(B)ᵀ op(A)ᵀ
    const auto product = [&](auto function) {
        return function(of_this_device<Cublas>().on_current_stream(), operation(transpose_b),
                        operation(transpose_a), n, m, k, &alpha, b, ldb, a, lda, &beta, c, ldc);
    };
    if constexpr (std::is_same_v<T, float>) {
        static const auto function = DNSP_FUNCTION(cublas, cublasSgemm_64);
        check(product(function), "cublasSgemm");
    } else {
        static const auto function = DNSP_FUNCTION(cublas, cublasDgemm_64);
        check(product(function), "cublasDgemm");
    }
}

template <class T>
void gemm_strided_batched(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                          T alpha, const T* a, std::int64_t lda, std::int64_t stride_a, const T* b,
                          std::int64_t ldb, std::int64_t stride_b, T beta, T* c, std::int64_t ldc,
                          std::int64_t stride_c, std::int64_t batch) {
    if (m == 0 || n == 0 || batch == 0) return;
    const auto product = [&](auto function) {
        return function(of_this_device<Cublas>().on_current_stream(), operation(transpose_b),
                        operation(transpose_a), n, m, k, &alpha, b, ldb, stride_b, a, lda, stride_a, &beta, c,
                        ldc, stride_c, batch);
    };
    if constexpr (std::is_same_v<T, float>) {
        static const auto function = DNSP_FUNCTION(cublas, cublasSgemmStridedBatched_64);
        check(product(function), "cublasSgemmStridedBatched");
    } else {
        static const auto function = DNSP_FUNCTION(cublas, cublasDgemmStridedBatched_64);
        check(product(function), "cublasDgemmStridedBatched");
    }
}

void svd(std::int64_t rows, std::int64_t cols, double* matrix, double* sigma, double* left, double* right,
         int* info) {
    require(std::max(rows, cols) <= std::numeric_limits<int>::max(), "[cuda] cuSOLVER: matrix too large");
    require_not_capturing("cuSOLVER");
    Cusolver& state = of_this_device<Cusolver>();
    const cusolverDnHandle_t handle = state.on_current_stream();
    // The library decomposes the transpose, so its U is our `right` and its V our `left`. Both are
    // column-major.
    const int m = static_cast<int>(cols), n = static_cast<int>(rows);
    int count = 0;
    DNSP_CALL(cusolver, cusolverDnDgesvdj_bufferSize, handle, CUSOLVER_EIG_MODE_VECTOR, 1, m, n, matrix, m,
              sigma, right, m, left, n, &count, state.jacobi());
    const Workspace<double> workspace(count);
    DNSP_CALL(cusolver, cusolverDnDgesvdj, handle, CUSOLVER_EIG_MODE_VECTOR, 1, m, n, matrix, m, sigma, right,
              m, left, n, workspace.data(), count, info, state.jacobi());
}

void symmetric_eigen_batched(std::int64_t n, std::int64_t batch, double* matrices, double* eigenvalues,
                             int* info) {
    if (n == 0 || batch == 0) return;
    require_not_capturing("cuSOLVER");
    Cusolver& state = of_this_device<Cusolver>();
    const cusolverDnHandle_t handle = state.on_current_stream();
    // Undocumented limits of versions up to 13.0: about 32 thousand matrices, 2³¹ bytes.
    const std::int64_t most =
        std::clamp<std::int64_t>(std::numeric_limits<int>::max() / (8 * n * n), 1, 16384);
    for (std::int64_t first = 0; first < batch; first += most) {
        const std::int64_t count = std::min(most, batch - first);
        double* const matrix = matrices + first * n * n;
        double* const eigenvalue = eigenvalues + first * n;
        std::size_t device_bytes = 0, host_bytes = 0;
        DNSP_CALL(cusolver, cusolverDnXsyevBatched_bufferSize, handle, state.params(),
                  CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, matrix, n, CUDA_R_64F,
                  eigenvalue, CUDA_R_64F, &device_bytes, &host_bytes, count);
        const Workspace<std::byte> on_device(static_cast<std::int64_t>(device_bytes));
        std::vector<std::byte> on_host(host_bytes);
        DNSP_CALL(cusolver, cusolverDnXsyevBatched, handle, state.params(), CUSOLVER_EIG_MODE_VECTOR,
                  CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, matrix, n, CUDA_R_64F, eigenvalue, CUDA_R_64F,
                  on_device.data(), device_bytes, on_host.data(), host_bytes, info + first, count);
        // The library may still use this host memory.
        if (host_bytes > 0) synchronise();
    }
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
