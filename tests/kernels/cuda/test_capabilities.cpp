// Which kernels devices of each compute capability run, and that these devices can run them. The CUDA
// emulator refuses instructions and amounts of shared memory that the emulated device does not have.
#include "tests/kernels/capabilities.hpp"
#include "tests/kernels/low_rank_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// Checks one kernel on an image patch of this size, by the kernel itself or by cuSOLVER.
template <class T>
void check_low_rank(low_rank::Kernel<T> kernel, std::int64_t rows, std::int64_t cols,
                    const low_rank::Bounds& bounds) {
    INFO(rows << " × " << cols << (low_rank::is_double(T()) ? ", double" : ", float"));
    const kernels::LowRankShape shape{1, rows, cols, low_rank::delta};
    const auto matrix = reference::cast<T>(low_rank::flat(low_rank::image_patch(rows, cols, 14, 1e-3)));
    low_rank::check_one(shape, 0, matrix, low_rank::run(On::cuda, kernel, shape, matrix), bounds);
}

template <class T>
void check_matrix_exponential(int capability) {
    namespace cuda = kernels::cuda;
    const std::int64_t largest = capability == 75 ? 56 : 64;
    CHECK(low_rank::matrix_exponential_fits<T>(largest, largest));
    CHECK(low_rank::matrix_exponential_fits<T>(200, largest));
    CHECK_FALSE(low_rank::matrix_exponential_fits<T>(largest + 1, largest + 1));
    check_low_rank<T>(cuda::low_rank_matrix_exponential<T>, largest, largest, low_rank::squared<T>);
    check_low_rank<T>(cuda::low_rank_matrix_exponential_fma<T>, largest, largest, low_rank::squared<T>);
}

template <class T>
void check_svd(std::int64_t largest, const low_rank::Bounds& bounds) {
    CHECK(low_rank::svd_fits<T>(largest, largest));
    CHECK_FALSE(low_rank::svd_fits<T>(largest + 1, largest + 1));
    check_low_rank<T>(kernels::cuda::low_rank_svd<T>, largest, largest, bounds);
}

}  // namespace

TEST_CASE("low_rank's largest matrices fit into shared memory on every compute capability") {
    for_each_capability([](int capability) {
        check_matrix_exponential<double>(capability);
        check_matrix_exponential<float>(capability);
        check_svd<double>(capability == 75 ? 51 : 64, low_rank::decomposed<double>);
        check_svd<float>(64, low_rank::in_float);
    });
}

TEST_CASE("low_rank by cuSOLVER computes matrices that exceed the shared memory of the device") {
    if (!simt::is_emulator()) DNSP_SKIP("the device under test has one compute capability");
    const Emulated turing(simt::device_model(75));
    namespace cuda = kernels::cuda;
    check_low_rank<double>(cuda::low_rank_matrix_exponential<double>, 57, 64, low_rank::squared<double>);
    check_low_rank<float>(cuda::low_rank_matrix_exponential<float>, 64, 64, low_rank::squared<float>);
    check_low_rank<float>(cuda::low_rank_matrix_exponential_fma<float>, 70, 60, low_rank::squared<float>);
    check_low_rank<double>(cuda::low_rank_svd<double>, 52, 52, low_rank::squared<double>);
    check_low_rank<double>(cuda::low_rank_svd<double>, 64, 40, low_rank::squared<double>);
}
