#pragma once

#include <Eigen/Dense>

namespace dnsp::classical {

/// argmin_{x ≥ 0} ½xᵀG x − cᵀx for a positive semidefinite G, exact up to rounding: the active-set method of
/// Lawson and Hanson on the normal equations (FNNLS; Bro, de Jong 1997). A ridge of 1e-10 on the diagonal
/// makes G regular. The tolerance is 10·ε·‖G‖₁·K. After 3K changes of the set it returns the last feasible x.
Eigen::VectorXd solve_nonnegative(const Eigen::MatrixXd& gram, const Eigen::VectorXd& linear);

/// The same problem by `updates` multiplicative updates x_j ← x_j·max(c_j, 0)/(G x)_j from x = 1/K (Sha,
/// Saul, Lee 2007, for G without negative entries). Converges slowly: no coefficient becomes zero.
Eigen::VectorXd multiply_nonnegative(const Eigen::MatrixXd& gram, const Eigen::VectorXd& linear, int updates);

}  // namespace dnsp::classical
