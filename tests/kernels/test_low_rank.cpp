#include "kernels/low_rank/low_rank.hpp"

#include <cmath>
#include <string>

#include "base/device/runtime.hpp"
#include "kernels/low_rank/matrix_exponential.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"
#include "tests/kernels/low_rank_cases.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/low_rank.hpp"

using namespace dnsp;
using namespace dnsp::testing;
using namespace dnsp::testing::low_rank;
using kernels::LowRankShape;

namespace {

template <class T>
using Kernel = void (*)(const LowRankShape&, const T*, double*, T*);

struct Bounds {
    double gradient, value;
    /// Of arithmetic in less than double: to round the matrix by as much moves the gradient by
    /// rounding·‖Y‖/δ², even where it is zero.
    double rounding = 0;
};

/// A way to compute R_δ, and what it promises.
template <class T>
struct Path {
    const char* name;
    Kernel<T> kernel;
    Bounds bounds;
};

constexpr bool is_double(float) { return false; }
constexpr bool is_double(double) { return true; }

/// On the CUDA device a matrix that a path does not hold in shared memory goes to cuSOLVER, which is not
/// everywhere: its cases are cases of their own.
struct Where {
    On device;
    bool cusolver;
};
constexpr Where cpu{On::cpu, false}, cuda{On::cuda, false}, by_cusolver{On::cuda, true};

/// Those that go there, or do not, with matrices of this size.
template <class T>
std::vector<Path<T>> paths(Where where, std::int64_t rows, std::int64_t cols) {
    constexpr Bounds from_float{1e-3, 1e-6}, in_float{1e-3, 1e-4, 8 * 0x1p-24};
    constexpr Bounds decomposed = is_double(T()) ? Bounds{1e-9, 1e-10} : from_float;
    constexpr Bounds squared = is_double(T()) ? Bounds{1e-6, 1e-7} : from_float;
    const bool on_cuda = where.device == On::cuda, here = !where.cusolver;
    const auto larger_than_shared_memory = [&](std::int64_t side) {
        return on_cuda && side > kernels::cuda::largest_low_rank_side;
    };
    const auto longer = std::max(rows, cols), shorter = std::min(rows, cols);
    std::vector<Path<T>> all;
    const auto add = [&](const char* name, Kernel<T> kernel, const Bounds& bounds, bool goes_to_cusolver) {
        if (goes_to_cusolver == where.cusolver) all.push_back({name, kernel, here ? bounds : squared});
    };
    add("svd", DNSP_KERNEL(where.device, low_rank_svd, T), on_cuda && !is_double(T()) ? in_float : decomposed,
        larger_than_shared_memory(longer));
    add("matrix exponential", DNSP_KERNEL(where.device, low_rank_matrix_exponential, T), squared,
        larger_than_shared_memory(shorter));
    if (!on_cuda) return all;
    (void)&Tested<"low_rank_matrix_exponential_fma", T>::registered;
    add("matrix exponential without tensor cores", kernels::cuda::low_rank_matrix_exponential_fma<T>, squared,
        larger_than_shared_memory(shorter));
    (void)&Tested<"low_rank_cusolver", T>::registered;
    add("cuSOLVER", kernels::cuda::low_rank_cusolver<T>, squared, true);
    return all;
}

template <class T>
struct Result {
    std::vector<double> value;
    std::vector<T> gradient;

    bool same_bits(const Result& other) const {
        return reference::same_bits(value, other.value) && reference::same_bits(gradient, other.gradient);
    }
};

constexpr double delta = 0.01;

template <class T>
Result<T> run(On where, Kernel<T> kernel, const LowRankShape& shape, const std::vector<T>& matrices) {
    // No results are NaN before, because that is what is expected of some.
    Buffer<T> in(where, matrices), gradient(where, std::vector<T>(matrices.size(), T(1234.5)));
    Buffer<double> value(where, std::vector<double>(static_cast<std::size_t>(shape.batch), 1234.5));
    kernel(shape, in.data(), value.data(), gradient.data());
    CHECK((in.fences_intact() && value.fences_intact() && gradient.fences_intact()));
    CHECK(reference::same_bits(in.values(), matrices));
    return {value.values(), gradient.values()};
}

/// A gradient shorter than this, where the unit is 1/δ, is rounding of the reference's own inputs.
constexpr double negligible = 1e-9;

/// Matrix b of a batch and what was computed for it, against the reference.
template <class T>
void check_one(const LowRankShape& shape, std::int64_t b, const std::vector<T>& matrices,
               const Result<T>& got, const Bounds& bounds) {
    const auto part = [&](const std::vector<T>& all) {
        const auto first = all.begin() + b * shape.rows * shape.cols;
        return std::vector<T>(first, first + shape.rows * shape.cols);
    };
    const std::vector<T> matrix = part(matrices);
    const auto expected = reference::low_rank(shape.rows, shape.cols, delta, reference::widen(matrix));
    const double size = reference::norm(expected.gradient);
    const double error =
        reference::relative_error(part(got.gradient), expected.gradient) * std::max(size, 1e-30);
    const double of_rounding = bounds.rounding * reference::norm(matrix) / (delta * delta);
    const double value_error = std::abs(got.value[static_cast<std::size_t>(b)] - expected.value);
    INFO("gradient of norm " << size << ", off by " << error << "; value off by " << value_error);
    if (size > negligible / delta)
        CHECK(error <= std::max(bounds.gradient * size, of_rounding));
    else
        CHECK(error <= std::max(negligible / delta, of_rounding));
    CHECK(value_error <= bounds.value);
}

template <class T>
void check_cases(Where where) {
    for (const Case& c : cases())
        for (const Path<T>& path : paths<T>(where, c.rows, c.cols)) {
            INFO(path.name << ", " << c.name);
            const LowRankShape shape{1, c.rows, c.cols, delta};
            const auto matrix = reference::cast<T>(c.matrix);
            check_one(shape, 0, matrix, run(where.device, path.kernel, shape, matrix), path.bounds);
        }
}

/// Matrices that have nothing in common, of the same shape.
template <class T>
std::vector<T> unlike_matrices(std::int64_t rows, std::int64_t cols) {
    std::vector<T> all;
    for (const RowMajor& m :
         {image_patch(rows, cols, 1), RowMajor(0.003 * random_matrix(rows, cols, 2)),
          RowMajor(RowMajor::Constant(rows, cols, 0.3)), image_patch(rows, cols, 3, 1e-3)})
        all.insert(all.end(), m.data(), m.data() + m.size());
    return all;
}

using Size = std::pair<int, int>;
constexpr Size tall{13, 6}, wide{7, 23}, square{18, 18}, larger_than_shared_memory{67, 65};

template <class T>
void check_batch(Where where, Size size) {
    const LowRankShape shape{4, size.first, size.second, delta};
    const auto matrices = unlike_matrices<T>(shape.rows, shape.cols);
    for (const Path<T>& path : paths<T>(where, shape.rows, shape.cols)) {
        INFO(path.name << ", " << shape.rows << " × " << shape.cols);
        const Result<T> got = run(where.device, path.kernel, shape, matrices);
        for (std::int64_t b = 0; b < shape.batch; ++b) check_one(shape, b, matrices, got, path.bounds);
    }
}

void check_batches(Where where) {
    for (const Size& size : {tall, wide, square, larger_than_shared_memory}) {
        check_batch<double>(where, size);
        check_batch<float>(where, size);
    }
}

/// What a factorisation leaves of images without structure is the rounding of rounding, down to where numbers
/// end.
template <class T>
void check_constant_images(Where where) {
    const LowRankShape shape{40, 8, 9, delta};
    const auto intensities = reference::uniform(shape.batch, 21, 0.2, 1.0);
    std::vector<T> images;
    for (const double intensity : intensities) images.insert(images.end(), 72, static_cast<T>(intensity));
    for (const Path<T>& path : paths<T>(where, shape.rows, shape.cols)) {
        INFO(path.name);
        const Result<T> got = run(where.device, path.kernel, shape, images);
        for (std::int64_t b = 0; b < shape.batch; ++b) check_one(shape, b, images, got, path.bounds);
    }
}

/// One matrix that is not finite among others, which must not notice.
template <class T>
void check_not_finite(Where where) {
    for (const auto& [rows, cols] : {tall, wide, square, larger_than_shared_memory})
        for (const Path<T>& path : paths<T>(where, rows, cols))
            for (const bool at_the_end : {false, true}) {
                const double poison = at_the_end ? HUGE_VAL : std::nan("");
                INFO(path.name << ", " << rows << " × " << cols << ", " << poison);
                const LowRankShape shape{4, rows, cols, delta};
                const std::ptrdiff_t size = rows * cols;
                auto matrices = unlike_matrices<T>(rows, cols);
                const Result<T> sound = run(where.device, path.kernel, shape, matrices);
                matrices[static_cast<std::size_t>(at_the_end ? 2 * size - 1 : size)] = static_cast<T>(poison);
                Result<T> got = run(where.device, path.kernel, shape, matrices);
                CHECK(std::isnan(got.value[1]));
                const auto first = got.gradient.begin() + size;
                CHECK(std::all_of(first, first + size, [](T g) { return std::isnan(g); }));
                got.value[1] = sound.value[1];
                std::copy_n(sound.gradient.begin() + size, size, first);
                CHECK(got.same_bits(sound));
            }
}

template <class T>
void check_counting(Where where) {
    const auto matrix = reference::cast<T>(flat(spectrum(7, 9, {3.0, 2.0, 1.0})));
    for (const Path<T>& path : paths<T>(where, 7, 9)) {
        INFO(path.name);
        CHECK(std::abs(run(where.device, path.kernel, {1, 7, 9, delta}, matrix).value[0] - 3.0) < 1e-7);
    }
}

void check_same_bits(Where where) {
    for (const auto& [rows, cols] : {std::pair{21, 21}, std::pair{6, 31}})
        for (const Path<float>& path : paths<float>(where, rows, cols)) {
            INFO(path.name << ", " << rows << " × " << cols);
            const LowRankShape shape{4, rows, cols, delta};
            const auto matrices = unlike_matrices<float>(rows, cols);
            const Result<float> first = run(where.device, path.kernel, shape, matrices);
            for_each_thread_order(
                [&] { CHECK(run(where.device, path.kernel, shape, matrices).same_bits(first)); });
        }
}

void check_no_matrices(Where where) {
    for (const Path<float>& path : paths<float>(where, 5, 4)) {
        INFO(path.name);
        CHECK(run<float>(where.device, path.kernel, {0, 5, 4, delta}, {}).value.empty());
    }
}

#define REQUIRE_CUSOLVER()                                                       \
    if (!simt::cublas_available()) DNSP_SKIP(simt::cublas_unavailable_reason()); \
    if (!simt::cusolver_available()) DNSP_SKIP(simt::cusolver_unavailable_reason())

}  // namespace

TEST_CASE("low_rank agrees with long double eigenvectors") { check_cases<double>(cpu); }

TEST_CASE("low_rank takes float32 images without losing the small singular values") {
    check_cases<float>(cpu);
}

TEST_CASE("low_rank treats every matrix of a batch by itself") { check_batches(cpu); }

TEST_CASE("low_rank of constant images has no gradient") {
    check_constant_images<double>(cpu);
    check_constant_images<float>(cpu);
}

TEST_CASE("low_rank of a matrix that is not finite is not a number") {
    check_not_finite<double>(cpu);
    check_not_finite<float>(cpu);
}

TEST_CASE("low_rank counts the singular values that are large against delta") {
    check_counting<double>(cpu);
    check_counting<float>(cpu);
}

TEST_CASE("the steps of low_rank's matrix exponential agree with exp up to their reach") {
    double reach = 0;
    for (const kernels::ExponentialSteps& steps : kernels::exponential_table()) {
        CHECK(steps.reach >= 4 * reach);
        reach = steps.reach;
        const double of_rounding = 4 * 0x1p-53 * reach;
        INFO("reach " << reach);
        // Where exp(−x) lives, and all the way to the end.
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

TEST_CASE("low_rank agrees with long double eigenvectors, cuda") {
    DNSP_REQUIRE_CUDA();
    check_cases<double>(cuda);
}

TEST_CASE("low_rank takes float32 images without losing the small singular values, cuda") {
    DNSP_REQUIRE_CUDA();
    check_cases<float>(cuda);
}

TEST_CASE("low_rank treats every matrix of a batch by itself, cuda") {
    DNSP_REQUIRE_CUDA();
    for_each_thread_order([] { check_batches(cuda); });
}

TEST_CASE("low_rank of constant images has no gradient, cuda") {
    DNSP_REQUIRE_CUDA();
    check_constant_images<double>(cuda);
    check_constant_images<float>(cuda);
}

TEST_CASE("low_rank of a matrix that is not finite is not a number, cuda") {
    DNSP_REQUIRE_CUDA();
    check_not_finite<double>(cuda);
    check_not_finite<float>(cuda);
}

TEST_CASE("low_rank counts the singular values that are large against delta, cuda") {
    DNSP_REQUIRE_CUDA();
    check_counting<double>(cuda);
    check_counting<float>(cuda);
}

TEST_CASE("low_rank gives the same bits again and in every thread order, cuda") {
    DNSP_REQUIRE_CUDA();
    check_same_bits(cuda);
}

TEST_CASE("low_rank of matrices that fit in shared memory can be recorded in a graph, cuda") {
    DNSP_REQUIRE_CUDA();
    const LowRankShape shape{4, 9, 7, delta};
    for (const Kernel<float> kernel :
         {kernels::cuda::low_rank_svd<float>, kernels::cuda::low_rank_matrix_exponential<float>,
          kernels::cuda::low_rank_matrix_exponential_fma<float>}) {
        const auto matrices = unlike_matrices<float>(9, 7);
        Buffer<float> in(On::cuda, matrices), gradient(On::cuda, static_cast<std::int64_t>(matrices.size()));
        Buffer<double> value(On::cuda, shape.batch);
        simt::Graph graph([&] { kernel(shape, in.data(), value.data(), gradient.data()); });
        graph.launch();
        simt::synchronise();
        const Result<float> replayed{value.values(), gradient.values()};
        CHECK(replayed.same_bits(run(On::cuda, kernel, shape, matrices)));
    }
}

TEST_CASE("low_rank of no matrices does nothing, cuda") {
    DNSP_REQUIRE_CUDA();
    check_no_matrices(cuda);
}

TEST_CASE("low_rank by cuSOLVER agrees with long double eigenvectors, cuda") {
    DNSP_REQUIRE_CUDA();
    REQUIRE_CUSOLVER();
    check_cases<double>(by_cusolver);
    check_cases<float>(by_cusolver);
    check_batches(by_cusolver);
}

TEST_CASE("low_rank by cuSOLVER of what is constant, not finite, large, or not there, cuda") {
    DNSP_REQUIRE_CUDA();
    REQUIRE_CUSOLVER();
    check_constant_images<double>(by_cusolver);
    check_constant_images<float>(by_cusolver);
    check_not_finite<double>(by_cusolver);
    check_not_finite<float>(by_cusolver);
    check_counting<double>(by_cusolver);
    check_counting<float>(by_cusolver);
    check_no_matrices(by_cusolver);
}

TEST_CASE("low_rank by cuSOLVER gives the same bits again and in every thread order, cuda") {
    DNSP_REQUIRE_CUDA();
    REQUIRE_CUSOLVER();
    check_same_bits(by_cusolver);
}
