#include "kernels/low_rank.hpp"

#include <cmath>
#include <string>

#include "kernels/simt/runtime.hpp"
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

template <class T>
std::vector<Path<T>> paths(On where) {
    constexpr Bounds from_float{1e-3, 1e-6}, in_float{1e-3, 1e-4, 8 * 0x1p-24};
    constexpr Bounds decomposed = is_double(T()) ? Bounds{1e-9, 1e-10} : from_float;
    constexpr Bounds squared = is_double(T()) ? Bounds{1e-6, 1e-7} : from_float;
    std::vector<Path<T>> all{
        {"svd", DNSP_KERNEL(where, low_rank_svd, T),
         where == On::cuda && !is_double(T()) ? in_float : decomposed},
        {"matrix exponential", DNSP_KERNEL(where, low_rank_matrix_exponential, T), squared}};
    if (where == On::cuda) {
        (void)&Tested<"low_rank_cusolver", T>::registered;
        all.push_back({"cusolver", kernels::cuda::low_rank_cusolver<T>, squared});
    }
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
void check(On where, const Path<T>& path, const Case& c) {
    INFO(path.name << ", " << c.name);
    const LowRankShape shape{1, c.rows, c.cols, delta};
    const auto matrix = reference::cast<T>(c.matrix);
    check_one(shape, 0, matrix, run(where, path.kernel, shape, matrix), path.bounds);
}

template <class T>
void check_cases(On where) {
    for (const Path<T>& path : paths<T>(where))
        for (const Case& c : cases()) check(where, path, c);
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
void check_batch(On where, Size size) {
    const auto all = paths<T>(where);
    const LowRankShape shape{4, size.first, size.second, delta};
    const auto matrices = unlike_matrices<T>(shape.rows, shape.cols);
    const bool by_cusolver = where == On::cuda && shape.rows > kernels::cuda::largest_low_rank_side;
    for (const Path<T>& path : all) {
        INFO(path.name << ", " << shape.rows << " × " << shape.cols);
        const Result<T> got = run(where, path.kernel, shape, matrices);
        for (std::int64_t b = 0; b < shape.batch; ++b)
            check_one(shape, b, matrices, got, by_cusolver ? all.back().bounds : path.bounds);
    }
}

void check_batches(On where, Size size) {
    check_batch<double>(where, size);
    check_batch<float>(where, size);
}

/// What a factorisation leaves of images without structure is the rounding of rounding, down to where numbers
/// end.
template <class T>
void check_constant_images(On where) {
    const LowRankShape shape{40, 8, 9, delta};
    const auto intensities = reference::uniform(shape.batch, 21, 0.2, 1.0);
    std::vector<T> images;
    for (const double intensity : intensities) images.insert(images.end(), 72, static_cast<T>(intensity));
    for (const Path<T>& path : paths<T>(where)) {
        INFO(path.name);
        const Result<T> got = run(where, path.kernel, shape, images);
        for (std::int64_t b = 0; b < shape.batch; ++b) check_one(shape, b, images, got, path.bounds);
    }
}

/// One matrix that is not finite among others, which must not notice.
template <class T>
void check_not_finite(On where) {
    for (const Path<T>& path : paths<T>(where))
        for (const auto& [rows, cols] : {tall, wide, square, larger_than_shared_memory})
            for (const bool at_the_end : {false, true}) {
                const double poison = at_the_end ? HUGE_VAL : std::nan("");
                INFO(path.name << ", " << rows << " × " << cols << ", " << poison);
                const LowRankShape shape{4, rows, cols, delta};
                const std::ptrdiff_t size = rows * cols;
                auto matrices = unlike_matrices<T>(rows, cols);
                const Result<T> sound = run(where, path.kernel, shape, matrices);
                matrices[static_cast<std::size_t>(at_the_end ? 2 * size - 1 : size)] = static_cast<T>(poison);
                Result<T> got = run(where, path.kernel, shape, matrices);
                CHECK(std::isnan(got.value[1]));
                const auto first = got.gradient.begin() + size;
                CHECK(std::all_of(first, first + size, [](T g) { return std::isnan(g); }));
                got.value[1] = sound.value[1];
                std::copy_n(sound.gradient.begin() + size, size, first);
                CHECK(got.same_bits(sound));
            }
}

template <class T>
void check_counting(On where) {
    const auto matrix = reference::cast<T>(flat(spectrum(7, 9, {3.0, 2.0, 1.0})));
    for (const Path<T>& path : paths<T>(where)) {
        INFO(path.name);
        CHECK(std::abs(run(where, path.kernel, {1, 7, 9, delta}, matrix).value[0] - 3.0) < 1e-7);
    }
}

}  // namespace

TEST_CASE("low_rank agrees with long double eigenvectors") { check_cases<double>(On::cpu); }

TEST_CASE("low_rank takes float32 images without losing the small singular values") {
    check_cases<float>(On::cpu);
}

TEST_CASE("low_rank treats every matrix of a batch by itself") {
    for (const Size& size : {tall, wide, square}) check_batches(On::cpu, size);
}

TEST_CASE("low_rank of constant images has no gradient") {
    check_constant_images<double>(On::cpu);
    check_constant_images<float>(On::cpu);
}

TEST_CASE("low_rank of a matrix that is not finite is not a number") {
    check_not_finite<double>(On::cpu);
    check_not_finite<float>(On::cpu);
}

TEST_CASE("low_rank counts the singular values that are large against delta") {
    check_counting<double>(On::cpu);
    check_counting<float>(On::cpu);
}

TEST_CASE("low_rank agrees with long double eigenvectors, cuda") {
    DNSP_REQUIRE_CUDA();
    check_cases<double>(On::cuda);
}

TEST_CASE("low_rank takes float32 images without losing the small singular values, cuda") {
    DNSP_REQUIRE_CUDA();
    check_cases<float>(On::cuda);
}

TEST_CASE("low_rank treats every matrix of a batch by itself, cuda") {
    DNSP_REQUIRE_CUDA();
    check_batches(On::cuda, larger_than_shared_memory);
    for_each_thread_order([] {
        for (const Size& size : {tall, wide, square}) check_batches(On::cuda, size);
    });
}

TEST_CASE("low_rank of constant images has no gradient, cuda") {
    DNSP_REQUIRE_CUDA();
    check_constant_images<double>(On::cuda);
    check_constant_images<float>(On::cuda);
}

TEST_CASE("low_rank of a matrix that is not finite is not a number, cuda") {
    DNSP_REQUIRE_CUDA();
    check_not_finite<double>(On::cuda);
    check_not_finite<float>(On::cuda);
}

TEST_CASE("low_rank counts the singular values that are large against delta, cuda") {
    DNSP_REQUIRE_CUDA();
    check_counting<double>(On::cuda);
    check_counting<float>(On::cuda);
}

TEST_CASE("low_rank gives the same bits again and in every thread order, cuda") {
    DNSP_REQUIRE_CUDA();
    for (const Path<float>& path : paths<float>(On::cuda))
        for (const auto& [rows, cols] : {std::pair{21, 21}, std::pair{6, 31}}) {
            INFO(path.name << ", " << rows << " × " << cols);
            const LowRankShape shape{4, rows, cols, delta};
            const auto matrices = unlike_matrices<float>(rows, cols);
            const Result<float> first = run(On::cuda, path.kernel, shape, matrices);
            for_each_thread_order(
                [&] { CHECK(run(On::cuda, path.kernel, shape, matrices).same_bits(first)); });
        }
}

TEST_CASE("low_rank of matrices that fit in shared memory can be recorded in a graph, cuda") {
    DNSP_REQUIRE_CUDA();
    const LowRankShape shape{4, 9, 7, delta};
    for (const Kernel<float> kernel :
         {kernels::cuda::low_rank_svd<float>, kernels::cuda::low_rank_matrix_exponential<float>}) {
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
    for (const Path<float>& path : paths<float>(On::cuda)) {
        INFO(path.name);
        CHECK(run<float>(On::cuda, path.kernel, {0, 5, 4, delta}, {}).value.empty());
    }
}
