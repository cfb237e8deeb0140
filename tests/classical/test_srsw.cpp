#include <omp.h>

#include "base/error.hpp"
#include "base/philox.hpp"
#include "models/classical/fnnls.hpp"
#include "models/classical/method.hpp"
#include "models/classical/srsw.hpp"
#include "models/classical/srsw_sampler.hpp"
#include "tests/classical/synthetic.hpp"
#include "tests/synthetic_head.hpp"

using namespace dnsp;
using namespace dnsp::classical;
using namespace dnsp::testing;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using imaging::Image;

namespace {

/// Bright everywhere, and without two equal patches.
Image texture(int height, int width, std::uint64_t stream = 0) {
    const Philox random{23, stream};
    Image image(height, width);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = static_cast<float>(0.3 + 0.5 * random.uniform(i));
    return image;
}

SrswDatabase database_of(const std::vector<Image>& slices, const imaging::Degradation& degradation,
                         std::int64_t pairs = 1000000, std::uint64_t seed = 1) {
    SrswDatabase database;
    database.degradation = degradation;
    database.seed = seed;
    SrswSampler sampler(database.geometry(), pairs, seed);
    for (std::size_t i = 0; i < slices.size(); ++i)
        sampler.add(0, static_cast<std::uint32_t>(i), degrade(slices[i], degradation), slices[i]);
    sampler.finish(database);
    return database;
}

double largest_difference(const Image& a, const Image& b) {
    return (imaging::to_plane(a) - imaging::to_plane(b)).cwiseAbs().maxCoeff();
}

MatrixXd oracle_candidates() {
    MatrixXd u(4, 9);
    u << .50, .56, .60, .48, .59, .65, .46, .55, .71,  //
        .60, .58, .55, .57, .56, .52, .55, .53, .50,   //
        .40, .50, .65, .38, .52, .70, .36, .54, .74,   //
        .55, .55, .56, .55, .57, .57, .54, .56, .58;
    return u;
}

VectorXd oracle_patch() {
    VectorXd y(9);
    y << .52, .55, .61, .50, .58, .66, .47, .57, .70;
    return y;
}

}  // namespace

TEST_CASE("the coefficients of one patch equal those of SciPy") {
    // scipy.optimize.nnls on the Cholesky factor of U Uᵀ
    const VectorXd y = oracle_patch();
    MatrixXd u = oracle_candidates();
    const double scales[] = {1.01014293316, 1.046629188027, 1.053395073577, 1.033277417842};
    for (Eigen::Index j = 0; j < 4; ++j) {
        const double scale = y.norm() / u.row(j).norm();
        CHECK(std::abs(scale - scales[j]) < 1e-11);
        u.row(j) *= scale;
    }
    const double weights[] = {.037398224532, 2.014510226648, 1.171741546175, .776350002645};
    const VectorXd w = similarity_weights(u, y);
    for (Eigen::Index j = 0; j < 4; ++j) CHECK(std::abs(w[j] - weights[j]) < 1e-11);
    struct Row {
        double lambda;
        double alpha[4];
        double objective;
    };
    const Row rows[] = {{0, {.4795054328, 0, .2130732901, .3107046566}, .000214623078},
                        {1e-4, {.5118717273, 0, .1967948716, .2943942742}, .000263978271},
                        {1e-3, {.8031683780, 0, .0502891049, .1476008333}, .000570807004},
                        {1e-2, {.9996236182, 0, 0, 0}, .001129986495},
                        {1e-1, {.9985027177, 0, 0, 0}, .004492673476}};
    for (const Row& row : rows) {
        INFO("lambda " << row.lambda);
        SrswOptions options;
        options.lambda = row.lambda;
        const VectorXd alpha = srsw_coefficients(u, y, options);
        // The ridge of 1e-10 moves coefficients of this nearly singular problem.
        for (Eigen::Index j = 0; j < 4; ++j) CHECK(std::abs(alpha[j] - row.alpha[j]) < 3e-8);
        const double objective = 0.5 * (y - u.transpose() * alpha).squaredNorm() + row.lambda * w.dot(alpha);
        CHECK(std::abs(objective - row.objective) < 1e-12);
    }
    SrswOptions slow;
    slow.solver = SrswOptions::Solver::multiplicative;
    CHECK(srsw_coefficients(u, y, slow).minCoeff() > 1e-4);  // 100 updates: no coefficient is zero
    slow.updates = 2000000;
    const VectorXd converged = srsw_coefficients(u, y, slow);
    for (Eigen::Index j = 0; j < 4; ++j) CHECK(std::abs(converged[j] - rows[2].alpha[j]) < 1e-5);
}

TEST_CASE("solutions of random non-negative problems satisfy the KKT conditions") {
    const Philox random{31, 0};
    std::uint64_t next = 0;
    for (int problem = 0; problem < 300; ++problem) {
        const Eigen::Index n = 1 + problem % 20;
        MatrixXd u(n, 9);
        VectorXd y(9);
        for (Eigen::Index i = 0; i < u.size(); ++i) u.data()[i] = random.uniform(next++) - 0.3;
        for (Eigen::Index i = 0; i < 9; ++i) y[i] = random.uniform(next++) - 0.3;
        const MatrixXd gram = u * u.transpose();
        const VectorXd linear = u * y - VectorXd::Constant(n, 0.01 * (problem % 3));
        const VectorXd x = solve_nonnegative(gram, linear);
        const VectorXd gradient = gram * x - linear;
        CHECK(x.minCoeff() >= 0.0);
        CHECK(gradient.minCoeff() >= -1e-9);
        CHECK(x.cwiseProduct(gradient).cwiseAbs().maxCoeff() < 1e-9);
    }
    // Without a descent direction the solution is 0. Two equal rows do not stop the solver.
    CHECK(solve_nonnegative(MatrixXd::Identity(3, 3), VectorXd::Constant(3, -1.0)).norm() == 0.0);
    const VectorXd x = solve_nonnegative(MatrixXd::Ones(2, 2), VectorXd::Constant(2, 1.0));
    CHECK(std::abs(x.sum() - 1.0) < 1e-9);
}

TEST_CASE("the tree finds what brute force finds, in the order of distance and index") {
    const Philox random{41, 0};
    PatchMatrix rows(3000, 9);
    // Few distinct values, so that many rows and distances are equal.
    for (Eigen::Index i = 0; i < rows.size(); ++i)
        rows.data()[i] = static_cast<float>(random.below(static_cast<std::uint64_t>(i), 3)) * 0.25f;
    for (Eigen::Index i = 2900; i < 3000; ++i) rows.row(i) = rows.row(i - 2900);
    const NearestPatches tree(rows);
    std::vector<Neighbour> found;
    for (const std::size_t count : {1, 16, 100})
        for (std::uint64_t query = 0; query < 60; ++query) {
            VectorXd y(9);
            for (Eigen::Index i = 0; i < 9; ++i) {
                const std::uint64_t at = 100000 + 9 * query + static_cast<std::uint64_t>(i);
                y[i] = query % 2 == 0 ? 0.25 * random.below(at, 3) : random.uniform(at);
            }
            std::vector<Neighbour> expected;
            for (Eigen::Index i = 0; i < rows.rows(); ++i) {
                double squared = 0.0;
                for (Eigen::Index k = 0; k < 9; ++k)
                    squared += (y[k] - rows(i, k)) * (y[k] - static_cast<double>(rows(i, k)));
                expected.push_back({squared, static_cast<std::uint32_t>(i)});
            }
            std::sort(expected.begin(), expected.end());
            expected.resize(count);
            tree.find({y.data(), 9}, count, found);
            CHECK(found == expected);
        }
    std::vector<double> query(9, 0.0);
    CHECK_THROWS_AS(tree.find(query, 0, found), Error);
    CHECK_THROWS_AS(tree.find(query, 3001, found), Error);
    CHECK_THROWS_AS(tree.find(std::span(query).first(8), 1, found), Error);
}

TEST_CASE("pairs cover the same area, with mirrored borders") {
    Image low(4, 5), high(8, 10);
    for (int i = 0; i < 20; ++i) low.pixels[static_cast<std::size_t>(i)] = static_cast<float>(i);
    for (int i = 0; i < 80; ++i) high.pixels[static_cast<std::size_t>(i)] = static_cast<float>(i);
    const PatchGeometry geometry{3, 2};
    std::vector<float> u(9), v(36);
    low_patch(low, geometry, 2, 1, u);
    CHECK(u == std::vector<float>{5, 6, 7, 10, 11, 12, 15, 16, 17});
    high_patch(high, geometry, 2, 1, v);
    CHECK(v.front() == 20.0f);  // row 2, column 0
    CHECK(v.back() == 75.0f);   // row 7, column 5
    low_patch(low, geometry, 0, 0, u);
    CHECK(u == std::vector<float>{0, 0, 1, 0, 0, 1, 5, 5, 6});
    high_patch(high, geometry, 0, 0, v);
    CHECK(v[0] == 11.0f);  // rows −2, −1 are rows 1, 0
    CHECK(v[6 * 2 + 2] == 0.0f);
}

TEST_CASE("a database of the input's own pairs returns the image") {
    for (const int scale : {2, 3, 4}) {
        const auto degradation = imaging::make_degradation("gaussian", scale);
        const Image high = texture(24, 36);
        const Image low = degrade(high, degradation);
        for (const bool normalise : {true, false}) {
            SrswOptions options;
            options.normalise = normalise;
            const Srsw srsw(database_of({high}, degradation), options);
            CHECK(srsw.database().low.rows() == 24 * 36 / (scale * scale));
            CHECK(largest_difference(srsw.enlarge(low), high) < 1e-6);
        }
    }
}

TEST_CASE("with one candidate and no penalty, the neighbour is scaled by the cosine") {
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const SrswDatabase database = database_of({texture(40, 40, 1)}, degradation);
    SrswOptions options;
    options.candidates = 1;
    options.lambda = 0.0;
    const Srsw srsw(database, options);
    // A single pixel: all nine values of the patch are equal, and one patch covers the 2×2 result.
    const Image low(1, 1, 0.6f);
    const Image enlarged = srsw.enlarge(low);
    const VectorXd y = VectorXd::Constant(9, static_cast<double>(0.6f));
    Eigen::Index nearest = 0;
    double largest = -1.0;
    for (Eigen::Index i = 0; i < database.low.rows(); ++i) {
        const VectorXd u = database.low.row(i).cast<double>();
        if (y.dot(u) / u.norm() > largest) {
            largest = y.dot(u) / u.norm();
            nearest = i;
        }
    }
    const VectorXd u = database.low.row(nearest).cast<double>() *
                       (y.norm() / database.low.row(nearest).cast<double>().norm());
    const double alpha =
        y.dot(u) / y.squaredNorm() * y.norm() / database.low.row(nearest).cast<double>().norm();
    const auto expected = [&](int row, int column) {
        return alpha * database.high(nearest, 6 * (2 + row) + 2 + column);
    };
    for (int row = 0; row < 2; ++row)
        for (int column = 0; column < 2; ++column)
            CHECK(std::abs(enlarged.at(row, column) - expected(row, column)) < 1e-6);
}

TEST_CASE("without a penalty SRSW is homogeneous, and a growing penalty favours the most similar patch") {
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const SrswDatabase database = database_of({texture(40, 40, 1)}, degradation);
    Image low = degrade(texture(20, 20, 2), degradation);
    SrswOptions options;
    options.lambda = 0.0;
    const Srsw srsw(database, options);
    const Image once = srsw.enlarge(low);
    for (float& value : low.pixels) value *= 0.5f;
    Image half = once;
    for (float& value : half.pixels) value *= 0.5f;
    CHECK(largest_difference(srsw.enlarge(low), half) < 1e-5);

    const MatrixXd u = oracle_candidates();
    SrswOptions strong;
    strong.lambda = 10.0;
    CHECK(srsw_coefficients(u, oracle_patch(), strong).maxCoeff() < 0.9);
    strong.lambda = 1e4;
    CHECK(srsw_coefficients(u, oracle_patch(), strong).norm() == 0.0);
    MatrixXd with_itself = u;
    with_itself.row(2) = oracle_patch();
    const VectorXd alpha = srsw_coefficients(with_itself, oracle_patch(), strong);
    CHECK(std::abs(alpha[2] - 1.0) < 1e-9);
    CHECK(std::abs(alpha.sum() - 1.0) < 1e-9);
}

TEST_CASE("background stays bicubic and the result does not depend on the number of threads") {
    const auto degradation = imaging::make_degradation("gaussian", 2);
    Image high = texture(40, 40, 3);
    for (int y = 0; y < 40; ++y)
        for (int x = 0; x < 20; ++x) high.at(y, x) *= 0.01f;
    const Image low = degrade(high, degradation);
    const Srsw srsw(database_of({texture(64, 64, 1)}, degradation), {});
    const Image bicubic = enlarge_bicubic(low, 2, degradation.phase);
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    const Image one = srsw.enlarge(low);
    omp_set_num_threads(4);
    const Image four = srsw.enlarge(low);
    omp_set_num_threads(threads);
    CHECK(one.pixels == four.pixels);
    for (int y = 0; y < 40; ++y) CHECK(one.at(y, 5) == bicubic.at(y, 5));
    CHECK(one.at(20, 35) != bicubic.at(20, 35));
}

TEST_CASE("the sampler keeps a uniform choice that does not depend on the order of the slices") {
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const Image a = texture(40, 40, 5), b = texture(60, 40, 6);
    const auto sample = [&](bool reversed, std::uint64_t seed, std::int64_t pairs) {
        SrswDatabase database;
        database.degradation = degradation;
        SrswSampler sampler(database.geometry(), pairs, seed);
        for (int i = 0; i < 2; ++i) {
            const bool first = (i == 0) != reversed;
            const Image& slice = first ? a : b;
            sampler.add(7, first ? 0 : 1, degrade(slice, degradation), slice);
        }
        CHECK(sampler.candidates() == 1000);
        sampler.finish(database);
        return database;
    };
    const SrswDatabase forward = sample(false, 1, 100), backward = sample(true, 1, 100);
    CHECK(forward.low.rows() == 100);
    CHECK(forward.low == backward.low);
    CHECK(forward.high == backward.high);
    CHECK(forward.low != sample(false, 2, 100).low);
    CHECK(sample(false, 1, 5000).low.rows() == 1000);
    SrswSampler empty({3, 2}, 10, 1);
    empty.add(0, 0, Image(10, 10, 0.1f), Image(20, 20, 0.1f));
    SrswDatabase none;
    CHECK(contains(complaint([&] { empty.finish(none); }), "maximum above .1"));
    CHECK_THROWS_AS(empty.add(0, 0, Image(10, 10), Image(20, 19)), Error);
    CHECK_THROWS_AS(SrswSampler({3, 2}, 0, 1), Error);
    CHECK_THROWS_AS(SrswSampler({4, 2}, 10, 1), Error);
}

TEST_CASE("the method srsw reads its database and refuses another degradation") {
    const TemporaryFolder folder;
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const Image high = texture(24, 24, 8);
    const std::string path = (folder / "pairs.srsw").string();
    write_srsw_database(path, database_of({high}, degradation));
    const Image low = degrade(high, degradation);
    const auto method = make_method("srsw:database=" + path);
    CHECK(largest_difference(method->enlarge(low, degradation), high) < 1e-6);
    CHECK(contains(complaint([&] { method->enlarge(low, imaging::make_degradation("gaussian", 3)); }),
                   "was made for"));
    CHECK(contains(complaint([&] { method->enlarge(low, imaging::make_degradation("box", 2)); }),
                   path + ": was made for"));
    CHECK(contains(complaint([] { make_method("srsw"); }), "database=FILE"));
    CHECK(contains(complaint([&] { make_method("srsw:database=" + path + ",candidates=100000"); }),
                   "144 pairs"));
    // Back-projection brings the degraded result closer to the input.
    const auto other = make_method("srsw:candidates=4,database=" + path);
    const auto projected = make_method("srsw:candidates=4,back_projections=5,database=" + path);
    const Image unseen = degrade(texture(24, 24, 9), degradation);
    const auto misfit = [&](const Method& by) {
        return largest_difference(degrade(by.enlarge(unseen, degradation), degradation), unseen);
    };
    CHECK(misfit(*projected) < 0.5 * misfit(*other));
}
