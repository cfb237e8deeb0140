#include "models/classical/fnnls.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace dnsp::classical {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double ridge = 1e-10;

/// The unconstrained solution on the free coefficients; the others are 0.
VectorXd solve_free(const MatrixXd& g, const VectorXd& c, const std::vector<Index>& free) {
    const MatrixXd gram = g(free, free);
    const VectorXd linear = c(free);
    const VectorXd values = gram.llt().solve(linear);
    VectorXd solution = VectorXd::Zero(c.size());
    solution(free) = values;
    return solution;
}

}  // namespace

VectorXd solve_nonnegative(const MatrixXd& gram, const VectorXd& linear) {
    const Index n = linear.size();
    const MatrixXd g = gram + ridge * MatrixXd::Identity(n, n);
    const double tolerance = 10.0 * std::numeric_limits<double>::epsilon() *
                             g.cwiseAbs().colwise().sum().maxCoeff() * static_cast<double>(n);
    VectorXd x = VectorXd::Zero(n);
    VectorXd descent = linear;  // c − G x
    std::vector<Index> free;
    const Index max_changes = 3 * n;
    for (Index changes = 0; changes < max_changes;) {
        Index best = -1;
        for (Index j = 0; j < n; ++j)
            if (std::find(free.begin(), free.end(), j) == free.end() && descent[j] > tolerance &&
                (best < 0 || descent[j] > descent[best]))
                best = j;
        if (best < 0) break;
        free.push_back(best);
        VectorXd candidate = solve_free(g, linear, free);
        ++changes;
        // Walk towards the candidate until a coefficient reaches 0, remove it, and solve again.
        while (candidate(free).minCoeff() <= 0.0) {
            double length = 1.0;
            Index blocking = free.front();
            for (const Index j : free) {
                if (candidate[j] > 0.0) continue;
                const double reach = x[j] > 0.0 ? x[j] / (x[j] - candidate[j]) : 0.0;
                if (reach > length) continue;
                length = reach;
                blocking = j;
            }
            x += length * (candidate - x);
            std::erase_if(free, [&](Index j) {
                const bool reached = j == blocking || (candidate[j] <= 0.0 && x[j] <= tolerance);
                if (reached) x[j] = 0.0;
                return reached;
            });
            ++changes;
            if (free.empty() || changes > max_changes) break;
            candidate = solve_free(g, linear, free);
        }
        if (free.empty() || changes > max_changes) break;
        x = candidate;
        descent = linear - g * x;
    }
    return x;
}

VectorXd multiply_nonnegative(const MatrixXd& gram, const VectorXd& linear, int updates) {
    VectorXd x = VectorXd::Constant(linear.size(), 1.0 / static_cast<double>(linear.size()));
    const VectorXd numerator = linear.cwiseMax(0.0);
    for (int i = 0; i < updates; ++i) {
        const VectorXd product = gram * x;
        for (Eigen::Index j = 0; j < x.size(); ++j)
            x[j] = product[j] > 0.0 ? x[j] * numerator[j] / product[j] : 0.0;
    }
    return x;
}

}  // namespace dnsp::classical
