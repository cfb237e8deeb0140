#include <Eigen/Dense>
#include <string>

#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"
#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Matrix = RowMajor<double>;

template <class T>
constexpr double rounding = 0;
template <>
constexpr double rounding<float> = 1e-6;
template <>
constexpr double rounding<double> = 1e-14;

/// rows × cols numbers with `spare` elements after each row.
struct Stored {
    std::int64_t rows, cols, spare;
    std::int64_t stride() const { return cols + spare; }
    std::int64_t size() const { return rows * stride(); }
};

template <class T>
Matrix matrix_of(const Stored& s, const std::vector<T>& memory, std::int64_t first) {
    return Eigen::Map<const RowMajor<T>, 0, Eigen::OuterStride<>>(memory.data() + first, s.rows, s.cols,
                                                                  Eigen::OuterStride<>(s.stride()))
        .template cast<double>();
}

struct Product {
    bool transpose_a, transpose_b;
    std::int64_t m, n, k, spare, batch, gap;
    double alpha, beta;

    Stored a() const { return transpose_a ? Stored{k, m, spare} : Stored{m, k, spare}; }
    Stored b() const { return transpose_b ? Stored{n, k, 2 * spare} : Stored{k, n, 2 * spare}; }
    Stored c() const { return {m, n, 3 * spare}; }
};

std::vector<Product> products() {
    std::vector<Product> out;
    for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true}) {
            out.push_back({transpose_a, transpose_b, 5, 7, 11, 0, 1, 0, 1.0, 0.0});
            out.push_back({transpose_a, transpose_b, 19, 3, 8, 2, 3, 5, -0.5, 1.5});
        }
    out.push_back({false, false, 1, 1, 1, 0, 1, 0, 2.0, 1.0});
    out.push_back({false, true, 33, 65, 129, 1, 2, 0, 1.0, 1.0});
    return out;
}

template <class T>
void check_product(const Product& p, bool batched) {
    const std::int64_t stride_a = p.a().size() + p.gap, stride_b = p.b().size() + p.gap,
                       stride_c = p.c().size() + p.gap, batch = batched ? p.batch : 1;
    const auto a = reference::cast<T>(reference::uniform(batch * stride_a, 1));
    const auto b = reference::cast<T>(reference::uniform(batch * stride_b, 2));
    auto c = reference::cast<T>(reference::uniform(batch * stride_c, 3));
    const auto before = c;
    if (p.beta == 0) std::fill(c.begin(), c.end(), std::numeric_limits<T>::quiet_NaN());
    Buffer<T> on_a(On::cuda, a), on_b(On::cuda, b), on_c(On::cuda, c);
    const T alpha = static_cast<T>(p.alpha), beta = static_cast<T>(p.beta);
    if (batched)
        simt::gemm_strided_batched(p.transpose_a, p.transpose_b, p.m, p.n, p.k, alpha, on_a.data(),
                                   p.a().stride(), stride_a, on_b.data(), p.b().stride(), stride_b, beta,
                                   on_c.data(), p.c().stride(), stride_c, batch);
    else
        simt::gemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, alpha, on_a.data(), p.a().stride(),
                   on_b.data(), p.b().stride(), beta, on_c.data(), p.c().stride());
    CHECK((on_a.fences_intact() && on_b.fences_intact() && on_c.fences_intact()));
    auto got = on_c.values();
    for (std::int64_t i = 0; i < batch; ++i) {
        const Matrix stored_a = matrix_of(p.a(), a, i * stride_a),
                     stored_b = matrix_of(p.b(), b, i * stride_b);
        const Matrix op_a = p.transpose_a ? Matrix(stored_a.transpose()) : stored_a;
        const Matrix op_b = p.transpose_b ? Matrix(stored_b.transpose()) : stored_b;
        Matrix expected = p.alpha * op_a * op_b;
        if (p.beta != 0) expected += p.beta * matrix_of(p.c(), before, i * stride_c);
        const Matrix result = matrix_of(p.c(), got, i * stride_c);
        CHECK((result - expected).norm() <=
              rounding<T> * std::sqrt(static_cast<double>(p.k)) * expected.norm());
        // Memory between rows and between matrices must not change.
        for (std::int64_t row = 0; row < p.m; ++row)
            std::copy_n(c.begin() + i * stride_c + row * p.c().stride(), p.n,
                        got.begin() + i * stride_c + row * p.c().stride());
    }
    CHECK(reference::same_bits(got, c));
}

template <class T>
void check_products() {
    for (const Product& p : products())
        for (const bool batched : {false, true}) {
            INFO("transpose " << p.transpose_a << p.transpose_b << ", " << p.m << " × " << p.n << " × " << p.k
                              << (batched ? ", batched" : ""));
            check_product<T>(p, batched);
        }
}

Matrix random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
    const auto values = reference::uniform(rows * cols, seed);
    return Eigen::Map<const Matrix>(values.data(), rows, cols);
}

std::vector<double> flat(const Matrix& m) { return {m.data(), m.data() + m.size()}; }

Matrix shaped(const std::vector<double>& values, std::int64_t rows, std::int64_t cols) {
    return Eigen::Map<const Matrix>(values.data(), rows, cols);
}

double distance_from_orthonormal_rows(const Matrix& m) {
    return (m * m.transpose() - Matrix::Identity(m.rows(), m.rows())).norm();
}

}  // namespace

TEST_CASE("gemm multiplies row-major matrices in every transposition") {
    check_products<float>();
    check_products<double>();
}

TEST_CASE("gemm of nothing writes nothing") {
    const std::vector<float> before(6, 3.0f);
    Buffer<float> a(On::cuda, before), c(On::cuda, before);
    simt::gemm(false, false, 0, 2, 3, 1.0f, a.data(), 3, a.data(), 2, 0.0f, c.data(), 2);
    simt::gemm(false, false, 3, 0, 2, 1.0f, a.data(), 2, a.data(), 1, 0.0f, c.data(), 1);
    simt::gemm_strided_batched(false, false, 2, 3, 1, 1.0f, a.data(), 1, 2, a.data(), 3, 3, 0.0f, c.data(), 3,
                               6, 0);
    CHECK(c.values() == before);
}

TEST_CASE("svd gives singular values and vectors by rows") {
    for (const auto& [rows, cols] : {std::pair{1, 1}, std::pair{9, 9}, std::pair{17, 6}, std::pair{5, 70}}) {
        INFO(rows << " × " << cols);
        const std::int64_t rank = std::min(rows, cols);
        const Matrix y = random_matrix(rows, cols, 7);
        Buffer<double> matrix(On::cuda, flat(y)), sigma(On::cuda, rank), left(On::cuda, rank * rows),
            right(On::cuda, rank * cols);
        Buffer<int> info(On::cuda, 1);
        simt::svd(rows, cols, matrix.data(), sigma.data(), left.data(), right.data(), info.data());
        CHECK((matrix.fences_intact() && sigma.fences_intact() && left.fences_intact() &&
               right.fences_intact() && info.fences_intact()));
        CHECK(info.values()[0] == 0);
        const Matrix u = shaped(left.values(), rank, rows), z = shaped(right.values(), rank, cols);
        const Matrix s = shaped(sigma.values(), rank, 1);
        const Eigen::VectorXd expected = Eigen::JacobiSVD<Matrix>(y).singularValues();
        CHECK((s - expected).norm() <= 1e-13 * expected.norm());
        CHECK(distance_from_orthonormal_rows(u) <= 1e-12);
        CHECK(distance_from_orthonormal_rows(z) <= 1e-12);
        CHECK((u.transpose() * s.col(0).asDiagonal() * z - y).norm() <= 1e-13 * y.norm());
    }
}

TEST_CASE("symmetric_eigen_batched gives eigenvectors by rows") {
    constexpr std::int64_t n = 13, batch = 3;
    std::vector<double> all;
    std::vector<Matrix> matrices;
    for (std::uint64_t seed = 1; seed <= batch; ++seed) {
        const Matrix m = random_matrix(n, n, seed);
        matrices.push_back(seed == 2 ? Matrix(m * m.transpose()) : Matrix(m + m.transpose()));
        all.insert(all.end(), matrices.back().data(), matrices.back().data() + n * n);
    }
    Buffer<double> vectors(On::cuda, all), values(On::cuda, batch * n);
    Buffer<int> info(On::cuda, batch);
    simt::symmetric_eigen_batched(n, batch, vectors.data(), values.data(), info.data());
    CHECK((vectors.fences_intact() && values.fences_intact() && info.fences_intact()));
    CHECK(info.values() == std::vector<int>(batch, 0));
    const auto got_vectors = vectors.values(), got_values = values.values();
    for (std::int64_t b = 0; b < batch; ++b) {
        const Matrix& m = matrices[static_cast<std::size_t>(b)];
        const Matrix v = Eigen::Map<const Matrix>(got_vectors.data() + b * n * n, n, n);
        const Eigen::VectorXd lambda = Eigen::Map<const Eigen::VectorXd>(got_values.data() + b * n, n);
        const Eigen::VectorXd expected = Eigen::SelfAdjointEigenSolver<Matrix>(m).eigenvalues();
        CHECK((lambda - expected).norm() <= 1e-13 * expected.norm());
        CHECK(distance_from_orthonormal_rows(v) <= 1e-12);
        CHECK((v.transpose() * lambda.asDiagonal() * v - m).norm() <= 1e-13 * m.norm());
    }
    simt::symmetric_eigen_batched(n, 0, vectors.data(), values.data(), info.data());
    CHECK(reference::same_bits(vectors.values(), got_vectors));
}
