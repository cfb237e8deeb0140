// Expected values: the authors' toolbox, run under GNU Octave (a), a NumPy prototype that agrees with it to
// 2e-15 (b), and closed forms (c).
#include <omp.h>

#include "base/philox.hpp"
#include "models/classical/back_projection.hpp"
#include "models/classical/lrtv.hpp"
#include "models/classical/method.hpp"
#include "models/classical/singular_values.hpp"
#include "models/classical/toolbox_operator.hpp"
#include "tests/classical/synthetic.hpp"

extern template class Eigen::BDCSVD<Eigen::MatrixXd>;  // compiled in kernels/low_rank/svd.cpp
extern template class Eigen::JacobiSVD<Eigen::MatrixXd>;

using namespace dnsp;
using namespace dnsp::classical;
using namespace dnsp::testing;
using imaging::Plane;
using Variation = LrtvOptions::Variation;

namespace {

/// The identity for images of height × width.
imaging::SeparableOperator identity(int height, int width) {
    const auto axis = [](int size) {
        return imaging::make_resampler(
            size, size, [](int k) { return k; }, [](double) { return 1.0; }, 0.5);
    };
    return {axis(height), axis(width)};
}

Plane random_plane(Eigen::Index height, Eigen::Index width) {
    const Philox random{5, 1};
    Plane plane(height, width);
    for (Eigen::Index i = 0; i < plane.size(); ++i)
        plane.data()[i] = random.uniform(static_cast<std::uint64_t>(i));
    return plane;
}

}  // namespace

TEST_CASE("the toolbox form of LRTV equals the authors' code") {
    const Plane high = waves_and_disc();
    const auto a = toolbox_operator(32, 32, 2);
    const Plane low = a.apply(high);
    CHECK(std::abs(low(0, 0) - 0.424991312823139) < 1e-14);
    CHECK(std::abs(low(7, 6) - 0.731062418822947) < 1e-14);
    CHECK(std::abs(low.norm() - 7.03275951559684) < 1e-13);
    const Plane initial = repeat(low, 2);
    CHECK(std::abs(psnr(high, initial) - 24.495905) < 1e-6);

    LrtvOptions options;
    options.operator_kind = LrtvOptions::Operator::toolbox;
    options.variation = Variation::curvature;
    LrtvTrace trace;
    const Plane image = lrtv({a, 4.0, low}, initial, options, &trace);
    REQUIRE(trace.change.size() == 20);
    const double change[] = {0.348560329608,  0.283465338348,  0.0588076363877,
                             0.0162909581555, 0.0383384751367, 0.0195706916382};
    const int steps[] = {71, 55, 200, 200, 33, 200};
    for (std::size_t k = 0; k < 6; ++k) {
        CHECK(std::abs(trace.change[k] - change[k]) < 1e-12);
        CHECK(trace.inner_steps[k] == steps[k]);
    }
    CHECK(std::abs(trace.change[19] - 0.00296109946846) < 1e-12);
    CHECK(std::abs(image(0, 0) - 0.426002551508) < 1e-11);
    CHECK(std::abs(image(15, 13) - 0.721285915197) < 1e-11);
    CHECK(std::abs(image(7, 13) - 0.290081646111) < 1e-11);
    CHECK(std::abs(image(31, 31) - 0.262643339613) < 1e-11);
    CHECK(std::abs(image.norm() - 14.2236759834953) < 1e-11);
    CHECK(std::abs(psnr(high, image) - 28.894975) < 1e-6);
}

TEST_CASE("the default form of LRTV equals the prototype") {
    const Plane high = waves_and_disc();
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const auto a = imaging::degradation_operator(32, 32, degradation);
    const Plane low = a.apply(high);
    CHECK(std::abs(low(0, 0) - 0.4477064155830563) < 1e-15);
    CHECK(std::abs(low.norm() - 7.056822181661161) < 1e-14);
    const Plane bicubic = imaging::enlargement_operator(16, 16, degradation).apply(low);
    CHECK(std::abs(psnr(high, bicubic) - 26.713033) < 1e-6);

    struct Row {
        Variation variation;
        int outer;
        double at_0_0, at_15_13, at_7_13, at_31_31, norm, psnr;
    };
    const Row rows[] = {
        {Variation::curvature, 1, .3770974398, .6124757368, .2930640790, .2144824264, 11.9826723983,
         21.619271},
        {Variation::curvature, 5, .4356583459, .7226426627, .3032937926, .2630577401, 14.2131197224,
         29.005862},
        {Variation::curvature, 20, .4306223729, .7212003871, .2807863592, .2676486108, 14.2334514961,
         29.381425},
        {Variation::gradient, 1, .3809191244, .6122006364, .2934181469, .2116840840, 11.9795939785,
         21.578351},
        {Variation::gradient, 5, .4484018676, .7234946649, .3102900340, .2521723669, 14.2027366860,
         28.517703},
        {Variation::gradient, 20, .4486316035, .7229401963, .3047627670, .2514266489, 14.2219805267,
         28.570821},
    };
    for (const Row& row : rows) {
        INFO((row.variation == Variation::gradient ? "gradient, " : "curvature, ") << row.outer << " outer");
        LrtvOptions options;
        options.variation = row.variation;
        options.outer = row.outer;
        const Plane image = lrtv({a, 4.0, low}, bicubic, options);
        CHECK(std::abs(image(0, 0) - row.at_0_0) < 1e-10);
        CHECK(std::abs(image(15, 13) - row.at_15_13) < 1e-10);
        CHECK(std::abs(image(7, 13) - row.at_7_13) < 1e-10);
        CHECK(std::abs(image(31, 31) - row.at_31_31) < 1e-10);
        CHECK(std::abs(image.norm() - row.norm) < 1e-9);
        CHECK(std::abs(psnr(high, image) - row.psnr) < 1e-6);
    }
}

TEST_CASE("without total variation and with A = 1, LRTV converges to singular value thresholding") {
    const Plane low = random_plane(12, 9);
    const auto a = identity(12, 9);
    LrtvOptions options;
    options.lambda_tv = 0.0;
    options.lambda_rank = 0.3;
    options.rho_growth = 1.0;
    options.outer = 400;
    options.inner = 200;
    const Plane image = lrtv({a, 1.0, low}, low, options);
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(Eigen::MatrixXd(low),
                                                Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Plane expected = svd.matrixU() *
                           (svd.singularValues().array() - 0.3).cwiseMax(0.0).matrix().asDiagonal() *
                           svd.matrixV().transpose();
    REQUIRE(expected.minCoeff() > 0.0);  // the clamp is inactive
    CHECK((image - expected).cwiseAbs().maxCoeff() < 1e-11);
}

TEST_CASE("LRTV of a constant image subtracts lambda / n") {
    // Holds where s²Aᵀ1 = 1. The columns of the preset gaussian ×4 have sums that differ by 2e-4.
    for (const auto& [preset, scale] : {std::pair{"gaussian", 2}, {"box", 4}}) {
        const auto a = imaging::degradation_operator(32, 32, imaging::make_degradation(preset, scale));
        const Plane low = Plane::Constant(32 / scale, 32 / scale, 0.6);
        LrtvOptions options;
        options.lambda_rank = 0.1;
        options.rho_growth = 1.0;
        options.outer = 200;
        const LrtvProblem problem{a, static_cast<double>(scale * scale), low};
        const Plane image = lrtv(problem, Plane::Constant(32, 32, 0.6), options);
        CHECK((image.array() - 0.596875).abs().maxCoeff() < 1e-12);
    }
}

TEST_CASE("the inner iteration solves the ROF problem of a step") {
    // Left = .2 + λ/4 and right = .8 − λ/6 for e → 0; .21242 and .79179 for e = 1e-8.
    Plane low(6, 10);
    low.leftCols(4).setConstant(0.2);
    low.rightCols(6).setConstant(0.8);
    const auto a = identity(6, 10);
    LrtvOptions options;
    options.lambda_tv = 0.05;
    options.epsilon = 1e-8;
    Plane image = low;
    lrtv_descend({a, 1.0, low}, options, 0.0, Plane::Zero(6, 10), 200000, InnerStop::none, image);
    for (int x = 0; x < 10; ++x) {
        const double limit = x < 4 ? 0.2125 : 0.8 - 0.05 / 6;
        CHECK(std::abs(image(3, x) - limit) < 5e-4);
        CHECK(std::abs(image.col(x).maxCoeff() - image.col(x).minCoeff()) < 1e-9);
    }
    CHECK(std::abs(image(0, 0) - 0.21242) < 1e-5);
    CHECK(std::abs(image(0, 9) - 0.79179) < 1e-5);
}

TEST_CASE("LRTV without regularisers is back-projection") {
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const auto a = imaging::degradation_operator(32, 32, degradation);
    const Plane low = a.apply(waves_and_disc());
    const Plane bicubic = imaging::enlargement_operator(16, 16, degradation).apply(low);
    LrtvOptions options;
    options.lambda_tv = options.lambda_rank = options.rho = 0.0;
    options.outer = 2;
    const Plane image = lrtv({a, 4.0, low}, bicubic, options);
    CHECK((image - back_project(a, 2, low, bicubic, 40, 0.1)).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("one low-rank copy with 2 rho equals two copies with rho") {
    // Two copies as in the toolbox: both unfoldings of a matrix have its nuclear norm, with the weight ½
    // each.
    const auto a = imaging::degradation_operator(32, 32, imaging::make_degradation("gaussian", 2));
    const Plane low = a.apply(waves_and_disc());
    LrtvOptions options;
    options.outer = 6;
    const LrtvProblem problem{a, 4.0, low};
    const Plane initial = repeat(low, 2);
    const Plane one = lrtv(problem, initial, options);

    const auto threshold = [](const Plane& x, double tau) -> Plane {
        const Eigen::JacobiSVD<Eigen::MatrixXd> svd(Eigen::MatrixXd(x),
                                                    Eigen::ComputeThinU | Eigen::ComputeThinV);
        return svd.matrixU() * (svd.singularValues().array() - tau).cwiseMax(0.0).matrix().asDiagonal() *
               svd.matrixV().transpose();
    };
    Plane x = initial, m1 = Plane::Zero(32, 32), m2 = m1, y1 = m1, y2 = m1;
    double rho = 0.1;
    for (int k = 0; k < options.outer; ++k) {
        // −ρ(f − M₁ + Y₁) − ρ(f − M₂ + Y₂) = −2ρ(f − ½(M₁ − Y₁ + M₂ − Y₂))
        lrtv_descend(problem, options, 2 * rho, 0.5 * (m1 - y1 + m2 - y2), 20, InnerStop::none, x);
        m1 = threshold(x + y1, options.lambda_rank * 0.5 / rho);
        m2 = threshold((x + y2).transpose(), options.lambda_rank * 0.5 / rho).transpose();
        y1 += x - m1;
        y2 += x - m2;
        rho *= 1.05;
    }
    CHECK((one - x).cwiseAbs().maxCoeff() < 1e-13);
}

TEST_CASE("thresholded singular values equal those of a Jacobi SVD, on any number of threads") {
    const Plane x = random_plane(150, 190);
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(Eigen::MatrixXd(x), Eigen::ComputeThinU | Eigen::ComputeThinV);
    for (const double tau : {0.05, 1.0, 5.0}) {
        const Plane expected = svd.matrixU() *
                               (svd.singularValues().array() - tau).cwiseMax(0.0).matrix().asDiagonal() *
                               svd.matrixV().transpose();
        // ε·σ₁²/τ = 4e-11 for τ = .05
        CHECK((threshold_singular_values(x, tau) - expected).cwiseAbs().maxCoeff() < 1e-11);
        CHECK((threshold_singular_values(x.transpose(), tau) - expected.transpose()).cwiseAbs().maxCoeff() <
              1e-11);
    }
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    const Plane one = threshold_singular_values(x, 0.05);
    omp_set_num_threads(4);
    const Plane four = threshold_singular_values(x, 0.05);
    omp_set_num_threads(threads);
    CHECK(one == four);
}

TEST_CASE("the method lrtv is stable for large weights and refuses contradictory options") {
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const Plane high = waves_and_disc();
    const imaging::Image low = degrade(imaging::to_image(high), degradation);
    const auto score = [&](const std::string& text) {
        return psnr(high, imaging::to_plane(make_method(text)->enlarge(low, degradation)));
    };
    CHECK(std::abs(score("lrtv") - 28.570821) < 1e-4);
    CHECK(std::abs(score("lrtv:tv=curvature") - 29.381425) < 1e-4);
    CHECK(score("lrtv:operator=toolbox,tv=curvature,outer=6") > 26.0);
    CHECK(score("lrtv:lambda_tv=0.1") > 20.0);
    CHECK(contains(complaint([] { make_method("lrtv:rho=0"); }), "lambda_rank"));
    CHECK_NOTHROW(make_method("lrtv:rho=0,lambda_rank=0"));
    CHECK(contains(complaint([] { make_method("lrtv:tv=isotropic"); }), "gradient, curvature"));
    CHECK(contains(complaint([] { make_method("lrtv:epsilon=0"); }), "epsilon"));
}
