#include "models/classical/singular_values.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

namespace dnsp::classical {

imaging::Plane threshold_singular_values(const imaging::Plane& x, double tau) {
    if (tau == 0.0) return x;
    if (x.rows() < x.cols()) return threshold_singular_values(x.transpose(), tau).transpose();
    // Rank updates and products with self-adjoint matrices run on one thread in Eigen; general products do
    // not.
    const Eigen::Index n = x.cols();
    const Eigen::MatrixXd general = x;
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n, n);
    gram.selfadjointView<Eigen::Lower>().rankUpdate(general.transpose());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    Eigen::VectorXd factor(n);
    for (Eigen::Index i = 0; i < n; ++i) {
        const double sigma = std::sqrt(std::max(solver.eigenvalues()[i], 0.0));
        factor[i] = sigma > tau ? std::sqrt(1.0 - tau / sigma) : 0.0;
    }
    const Eigen::MatrixXd scaled = solver.eigenvectors() * factor.asDiagonal();
    Eigen::MatrixXd shrink = Eigen::MatrixXd::Zero(n, n);
    shrink.selfadjointView<Eigen::Lower>().rankUpdate(scaled);
    return general * shrink.selfadjointView<Eigen::Lower>();
}

}  // namespace dnsp::classical
