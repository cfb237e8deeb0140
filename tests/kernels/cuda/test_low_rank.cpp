#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"
#include "tests/kernels/low_rank_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;
using namespace dnsp::testing::low_rank;

namespace {

struct WithoutTensorCores {
    On device = On::cuda;

    template <class T>
    std::vector<Path<T>> of(std::int64_t rows, std::int64_t cols) const {
        if (!matrix_exponential_fits<T>(rows, cols)) return {};
        return {{"matrix exponential without tensor cores", kernels::cuda::low_rank_matrix_exponential_fma<T>,
                 squared<T>}};
    }
};
const WithoutTensorCores without_tensor_cores;

/// cuSOLVER, and the kernels that delegate matrices of this size to it.
struct ByCusolver {
    On device = On::cuda;

    template <class T>
    std::vector<Path<T>> of(std::int64_t rows, std::int64_t cols) const {
        namespace cuda = kernels::cuda;
        std::vector<Path<T>> all{{"cuSOLVER", cuda::low_rank_cusolver<T>, squared<T>}};
        if (!svd_fits<T>(rows, cols)) all.push_back({"svd", cuda::low_rank_svd<T>, squared<T>});
        if (!matrix_exponential_fits<T>(rows, cols)) {
            all.push_back({"matrix exponential", cuda::low_rank_matrix_exponential<T>, squared<T>});
            all.push_back({"without tensor cores", cuda::low_rank_matrix_exponential_fma<T>, squared<T>});
        }
        return all;
    }
};
const ByCusolver by_cusolver;

#define REQUIRE_CUSOLVER()                                                       \
    if (!simt::cublas_available()) DNSP_SKIP(simt::cublas_unavailable_reason()); \
    if (!simt::cusolver_available()) DNSP_SKIP(simt::cusolver_unavailable_reason())

}  // namespace

TEST_CASE("low_rank without tensor cores agrees with long double eigenvectors") {
    check_cases<double>(without_tensor_cores);
    check_cases<float>(without_tensor_cores);
    on_device([](On) { check_batches(without_tensor_cores); });
}

TEST_CASE("low_rank without tensor cores of constant, non-finite, large and empty input") {
    check_constant_images<double>(without_tensor_cores);
    check_constant_images<float>(without_tensor_cores);
    check_not_finite<double>(without_tensor_cores);
    check_not_finite<float>(without_tensor_cores);
    check_counting<double>(without_tensor_cores);
    check_counting<float>(without_tensor_cores);
    check_no_matrices(without_tensor_cores);
    check_same_bits(without_tensor_cores);
}

TEST_CASE("low_rank of matrices that fit in shared memory can be recorded in a graph") {
    const LowRankShape shape{4, 9, 7, delta};
    for (const Kernel<float> kernel :
         {kernels::cuda::low_rank_svd<float>, kernels::cuda::low_rank_matrix_exponential<float>,
          kernels::cuda::low_rank_matrix_exponential_fma<float>}) {
        const auto matrices = unlike_matrices<float>(9, 7);
        Buffer<float> in(On::cuda, matrices), gradient(On::cuda, static_cast<std::int64_t>(matrices.size()));
        Buffer<double> value(On::cuda, shape.batch);
        // Loads the kernel: CUDA does not promise that this works within a capture.
        kernel(shape, in.data(), value.data(), gradient.data());
        simt::Graph graph([&] { kernel(shape, in.data(), value.data(), gradient.data()); });
        graph.launch();
        simt::synchronise();
        const Result<float> replayed{value.values(), gradient.values()};
        CHECK(replayed.same_bits(run(On::cuda, kernel, shape, matrices)));
    }
}

TEST_CASE("low_rank by cuSOLVER agrees with long double eigenvectors") {
    REQUIRE_CUSOLVER();
    check_cases<double>(by_cusolver);
    check_cases<float>(by_cusolver);
    check_batches(by_cusolver);
}

TEST_CASE("low_rank by cuSOLVER of constant, non-finite, large and empty input") {
    REQUIRE_CUSOLVER();
    check_constant_images<double>(by_cusolver);
    check_constant_images<float>(by_cusolver);
    check_not_finite<double>(by_cusolver);
    check_not_finite<float>(by_cusolver);
    check_counting<double>(by_cusolver);
    check_counting<float>(by_cusolver);
    check_no_matrices(by_cusolver);
}

TEST_CASE("low_rank by cuSOLVER is bitwise reproducible in every thread order") {
    REQUIRE_CUSOLVER();
    check_same_bits(by_cusolver);
}
