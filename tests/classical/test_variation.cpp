#include "base/philox.hpp"
#include "models/classical/variation.hpp"
#include "tests/classical/synthetic.hpp"

using namespace dnsp;
using namespace dnsp::classical;
using imaging::Plane;

namespace {

Plane random_plane(Eigen::Index height, Eigen::Index width) {
    const Philox random{11, 2};
    Plane plane(height, width);
    for (Eigen::Index i = 0; i < plane.size(); ++i)
        plane.data()[i] = random.uniform(static_cast<std::uint64_t>(i));
    return plane;
}

double total_variation(const Plane& f, double e) {
    double sum = 0.0;
    for (Eigen::Index y = 0; y < f.rows(); ++y)
        for (Eigen::Index x = 0; x < f.cols(); ++x) {
            const double down = y + 1 < f.rows() ? f(y + 1, x) - f(y, x) : 0.0;
            const double right = x + 1 < f.cols() ? f(y, x + 1) - f(y, x) : 0.0;
            sum += std::sqrt(down * down + right * right + e);
        }
    return sum;
}

}  // namespace

TEST_CASE("the descent direction of total variation is the negative of finite differences") {
    for (const auto& [height, width] : {std::pair{5, 7}, {1, 6}, {6, 1}, {1, 1}}) {
        const Plane f = random_plane(height, width);
        const Plane descent = total_variation_descent(f, 1e-4);
        for (Eigen::Index i = 0; i < f.size(); ++i) {
            Plane more = f, less = f;
            more.data()[i] += 1e-6;
            less.data()[i] -= 1e-6;
            const double difference = (total_variation(more, 1e-4) - total_variation(less, 1e-4)) / 2e-6;
            CHECK(std::abs(descent.data()[i] + difference) < 1e-6);
        }
    }
}

TEST_CASE("the curvature of a cone is 1 / r, of a ramp 0") {
    Plane cone(41, 41), ramp(9, 8);
    for (Eigen::Index y = 0; y < 41; ++y)
        for (Eigen::Index x = 0; x < 41; ++x)
            cone(y, x) = std::hypot(static_cast<double>(y - 20), static_cast<double>(x - 20));
    for (Eigen::Index y = 0; y < 9; ++y)
        for (Eigen::Index x = 0; x < 8; ++x) ramp(y, x) = 0.3 * static_cast<double>(y) + 0.1;
    const Plane kappa = curvature(cone, 1e-12);
    CHECK(std::abs(kappa(20, 35) - 1.0 / 15) < 1e-3);
    CHECK(std::abs(kappa(8, 20) - 1.0 / 12) < 1e-3);
    CHECK(std::abs(kappa(12, 14) - 1.0 / 10) < 2e-3);
    CHECK(curvature(ramp, 1e-4).middleRows(1, 7).cwiseAbs().maxCoeff() < 1e-12);
    CHECK(curvature(Plane::Constant(1, 1, 0.5), 1e-4)(0, 0) == 0.0);
}
