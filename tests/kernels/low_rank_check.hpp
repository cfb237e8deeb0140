#pragma once

// Guarantees of kernels that compute R_δ, for all devices and methods. `paths` lists the kernels to check:
// paths.of<T>(rows, cols) returns those that support matrices of this size.
#include <cmath>
#include <string>

#include "base/device/runtime.hpp"
#include "kernels/low_rank/low_rank.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/devices.hpp"
#include "tests/kernels/low_rank_cases.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/low_rank.hpp"

namespace dnsp::testing::low_rank {

using kernels::LowRankShape;

template <class T>
using Kernel = void (*)(const LowRankShape&, const T*, double*, T*);

struct Bounds {
    double gradient, value;
    /// Relative rounding of arithmetic below double precision. It moves the gradient by rounding·‖Y‖/δ², even
    /// where the gradient is zero.
    double rounding = 0;
};

/// A method of computing R_δ, and its error bounds.
template <class T>
struct Path {
    const char* name;
    Kernel<T> kernel;
    Bounds bounds;
};

constexpr bool is_double(float) { return false; }
constexpr bool is_double(double) { return true; }

/// Bounds for double arithmetic, by decomposition and by repeated squaring, and for float.
template <class T>
constexpr Bounds decomposed = is_double(T()) ? Bounds{1e-9, 1e-10} : Bounds{1e-3, 1e-6};
template <class T>
constexpr Bounds squared = is_double(T()) ? Bounds{1e-6, 1e-7} : Bounds{1e-3, 1e-6};
inline constexpr Bounds in_float{1e-3, 1e-4, 8 * 0x1p-24};

/// Whether a kernel of the CUDA device, and not cuSOLVER, computes matrices of this size.
template <class T>
bool svd_fits([[maybe_unused]] std::int64_t rows, [[maybe_unused]] std::int64_t cols) {
#if DNSP_HAS_CUDA
    return kernels::cuda::low_rank_svd_fits<T>({1, rows, cols});
#else
    return false;
#endif
}
template <class T>
bool matrix_exponential_fits([[maybe_unused]] std::int64_t rows, [[maybe_unused]] std::int64_t cols) {
#if DNSP_HAS_CUDA
    return kernels::cuda::low_rank_matrix_exponential_fits<T>({1, rows, cols});
#else
    return false;
#endif
}

template <class T>
struct Result {
    std::vector<double> value;
    std::vector<T> gradient;

    bool same_bits(const Result& other) const {
        return reference::same_bits(value, other.value) && reference::same_bits(gradient, other.gradient);
    }
};

inline constexpr double delta = 0.01;

template <class T>
Result<T> run(On where, Kernel<T> kernel, const LowRankShape& shape, const std::vector<T>& matrices) {
    // Outputs do not start as NaN, because some expected results are NaN.
    Buffer<T> in(where, matrices), gradient(where, std::vector<T>(matrices.size(), T(1234.5)));
    Buffer<double> value(where, std::vector<double>(static_cast<std::size_t>(shape.batch), 1234.5));
    kernel(shape, in.data(), value.data(), gradient.data());
    CHECK((in.fences_intact() && value.fences_intact() && gradient.fences_intact()));
    CHECK(reference::same_bits(in.values(), matrices));
    return {value.values(), gradient.values()};
}

/// In units of 1/δ. Smaller gradients are rounding of the reference's inputs.
inline constexpr double negligible = 1e-9;

/// Compares the results for matrix b of a batch with the reference.
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

template <class T, class Paths>
void check_cases(const Paths& paths) {
    for (const Case& c : cases())
        for (const Path<T>& path : paths.template of<T>(c.rows, c.cols)) {
            INFO(path.name << ", " << c.name);
            const LowRankShape shape{1, c.rows, c.cols, delta};
            const auto matrix = reference::cast<T>(c.matrix);
            check_one(shape, 0, matrix, run(paths.device, path.kernel, shape, matrix), path.bounds);
        }
}

/// Unrelated matrices of one shape.
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
inline constexpr Size tall{13, 6}, wide{7, 23}, square{18, 18}, larger_than_shared_memory{67, 65};

template <class T, class Paths>
void check_batch(const Paths& paths, Size size) {
    const LowRankShape shape{4, size.first, size.second, delta};
    const auto matrices = unlike_matrices<T>(shape.rows, shape.cols);
    for (const Path<T>& path : paths.template of<T>(shape.rows, shape.cols)) {
        INFO(path.name << ", " << shape.rows << " × " << shape.cols);
        const Result<T> got = run(paths.device, path.kernel, shape, matrices);
        for (std::int64_t b = 0; b < shape.batch; ++b) check_one(shape, b, matrices, got, path.bounds);
    }
}

template <class Paths>
void check_batches(const Paths& paths) {
    for (const Size& size : {tall, wide, square, larger_than_shared_memory}) {
        check_batch<double>(paths, size);
        check_batch<float>(paths, size);
    }
}

/// A factorisation of images without structure leaves rounding errors of rounding errors, down to denormal
/// numbers.
template <class T, class Paths>
void check_constant_images(const Paths& paths) {
    const LowRankShape shape{40, 8, 9, delta};
    const auto intensities = reference::uniform(shape.batch, 21, 0.2, 1.0);
    std::vector<T> images;
    for (const double intensity : intensities) images.insert(images.end(), 72, static_cast<T>(intensity));
    for (const Path<T>& path : paths.template of<T>(shape.rows, shape.cols)) {
        INFO(path.name);
        const Result<T> got = run(paths.device, path.kernel, shape, images);
        for (std::int64_t b = 0; b < shape.batch; ++b) check_one(shape, b, images, got, path.bounds);
    }
}

/// One non-finite matrix among others, which must not be affected.
template <class T, class Paths>
void check_not_finite(const Paths& paths) {
    for (const auto& [rows, cols] : {tall, wide, square, larger_than_shared_memory})
        for (const Path<T>& path : paths.template of<T>(rows, cols))
            for (const bool at_the_end : {false, true}) {
                const double poison = at_the_end ? HUGE_VAL : std::nan("");
                INFO(path.name << ", " << rows << " × " << cols << ", " << poison);
                const LowRankShape shape{4, rows, cols, delta};
                const std::ptrdiff_t size = rows * cols;
                auto matrices = unlike_matrices<T>(rows, cols);
                const Result<T> sound = run(paths.device, path.kernel, shape, matrices);
                matrices[static_cast<std::size_t>(at_the_end ? 2 * size - 1 : size)] = static_cast<T>(poison);
                Result<T> got = run(paths.device, path.kernel, shape, matrices);
                CHECK(std::isnan(got.value[1]));
                const auto first = got.gradient.begin() + size;
                CHECK(std::all_of(first, first + size, [](T g) { return std::isnan(g); }));
                got.value[1] = sound.value[1];
                std::copy_n(sound.gradient.begin() + size, size, first);
                CHECK(got.same_bits(sound));
            }
}

template <class T, class Paths>
void check_counting(const Paths& paths) {
    const auto matrix = reference::cast<T>(flat(spectrum(7, 9, {3.0, 2.0, 1.0})));
    for (const Path<T>& path : paths.template of<T>(7, 9)) {
        INFO(path.name);
        CHECK(std::abs(run(paths.device, path.kernel, {1, 7, 9, delta}, matrix).value[0] - 3.0) < 1e-7);
    }
}

template <class Paths>
void check_same_bits(const Paths& paths) {
    for (const auto& [rows, cols] : {std::pair{21, 21}, std::pair{6, 31}})
        for (const Path<float>& path : paths.template of<float>(rows, cols)) {
            INFO(path.name << ", " << rows << " × " << cols);
            const LowRankShape shape{4, rows, cols, delta};
            const auto matrices = unlike_matrices<float>(rows, cols);
            const Result<float> first = run(paths.device, path.kernel, shape, matrices);
            for_each_thread_order(
                [&] { CHECK(run(paths.device, path.kernel, shape, matrices).same_bits(first)); });
        }
}

template <class Paths>
void check_no_matrices(const Paths& paths) {
    for (const Path<float>& path : paths.template of<float>(5, 4)) {
        INFO(path.name);
        CHECK(run<float>(paths.device, path.kernel, {0, 5, 4, delta}, {}).value.empty());
    }
}

}  // namespace dnsp::testing::low_rank
