#include "kernels/low_rank/matrix_exponential.hpp"
#include "tests/kernels/low_rank_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;
using namespace dnsp::testing::low_rank;

namespace {

/// The kernels of both devices. tests/kernels/cuda/test_low_rank.cpp covers matrices that exceed shared
/// memory and use cuSOLVER.
struct Paths {
    On device = device_under_test();

    template <class T>
    std::vector<Path<T>> of(std::int64_t rows, std::int64_t cols) const {
        const bool on_cuda = device == On::cuda;
        std::vector<Path<T>> all;
        if (!on_cuda || svd_fits<T>(rows, cols))
            all.push_back({"svd", DNSP_KERNEL(device, low_rank_svd, T),
                           on_cuda && !is_double(T()) ? in_float : decomposed<T>});
        if (!on_cuda || matrix_exponential_fits<T>(rows, cols))
            all.push_back(
                {"matrix exponential", DNSP_KERNEL(device, low_rank_matrix_exponential, T), squared<T>});
        return all;
    }
};

}  // namespace

TEST_CASE("low_rank agrees with long double eigenvectors") { check_cases<double>(Paths()); }

TEST_CASE("low_rank takes float32 images without losing the small singular values") {
    check_cases<float>(Paths());
}

TEST_CASE("low_rank treats every matrix of a batch by itself") {
    on_device([](On) { check_batches(Paths()); });
}

TEST_CASE("low_rank of constant images has no gradient") {
    check_constant_images<double>(Paths());
    check_constant_images<float>(Paths());
}

TEST_CASE("low_rank of a matrix that is not finite is not a number") {
    check_not_finite<double>(Paths());
    check_not_finite<float>(Paths());
}

TEST_CASE("low_rank counts the singular values that are large against delta") {
    check_counting<double>(Paths());
    check_counting<float>(Paths());
}

TEST_CASE("low_rank is bitwise reproducible in every thread order") { check_same_bits(Paths()); }

TEST_CASE("low_rank of no matrices does nothing") { check_no_matrices(Paths()); }

TEST_CASE("the steps of low_rank's matrix exponential agree with exp up to their reach") {
    double reach = 0;
    int products = 9;
    for (const kernels::ExponentialSteps& steps : kernels::exponential_table()) {
        // The first reach takes ten products, each four times larger one another product.
        CHECK((reach == 0 || steps.reach == 4 * reach));
        CHECK(steps.products() == ++products);
        reach = steps.reach;
        const double of_rounding = 4 * 0x1p-53 * reach;
        INFO("reach " << reach);
        // In the range where exp(−x) varies, and up to the reach.
        for (int i = 0; i <= 4000; ++i) {
            const double x = std::min(reach, i <= 2000 ? 0.02 * i : reach * (i - 2000) / 2000.0);
            double h = steps.start_identity + steps.start_x * x;
            for (int j = 0; j < steps.doublings; ++j) h = h * h - 2;
            const double v = steps.v_square * h * h + steps.v_h * h + steps.v_identity;
            double power = v * v + steps.p_h * h + steps.p_identity;
            for (int j = 0; j < kernels::ExponentialSteps::squarings; ++j) power *= power;
            INFO("exp(-" << x << ")");
            REQUIRE(std::abs(power - std::exp(-x)) <= 1.5e-10 + of_rounding * std::exp(-x / 2));
            if (x > 50) REQUIRE(power < 1e-18);
        }
    }
    CHECK(reach > 1e13);
}
