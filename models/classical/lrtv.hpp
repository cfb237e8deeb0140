#pragma once

#include <optional>
#include <vector>

#include "base/options.hpp"
#include "imaging/degradation_operator.hpp"

namespace dnsp::classical {

/// Options of LRTV (Shi, Cheng, Wang, Yap, Shen 2015). The defaults of lambda_tv, lambda_rank, rho,
/// rho_growth, step and epsilon are those of the authors' toolbox, whose ρ of .1 for each of two unfoldings
/// equals .2 for one.
struct LrtvOptions {
    enum class Operator { exact, toolbox };
    enum class Variation { gradient, curvature };
    double lambda_tv = 0.01;
    double lambda_rank = 0.01;
    double rho = 0.2;
    double rho_growth = 1.05;  ///< factor of ρ after each outer iteration
    int outer = 20;
    int inner = 0;          ///< 0: 20, or 200 for Operator::toolbox
    double step = 0.1;      ///< at most; shorter where the iteration would be unstable
    double epsilon = 1e-4;  ///< e, added to the squared gradient
    Operator operator_kind = Operator::exact;
    Variation variation = Variation::gradient;
    void visit(OptionVisitor& visitor);
};

/// min_X ½s²‖A X − T‖²_F + λ_tv TV_e(X) + λ_rank‖X‖₊
struct LrtvProblem {
    const imaging::SeparableOperator& a;
    double squared_scale;  ///< s²
    const imaging::Plane& low;
};

/// The stop of the toolbox for the inner iteration, on an objective that is not the one descended: relative
/// decrease below 1e-5.
enum class InnerStop { none, toolbox };

/// `steps` times f ← max(0, f + dt·(s²Aᵀ(T − A f) + λ_tv κ(f) − ρ(f − Z))) with Z = M − Y and
/// dt = min(step, 1.8/(max(1, s²‖A‖²) + ρ + 8λ_tv/√e)). Returns the number of steps taken.
int lrtv_descend(const LrtvProblem& problem, const LrtvOptions& options, double rho, const imaging::Plane& z,
                 int steps, InnerStop stop, imaging::Plane& f);

/// What the outer iterations did.
struct LrtvTrace {
    std::vector<double> change;    ///< ‖X − X_last‖/‖T‖
    std::vector<int> inner_steps;  ///< steps taken
};

/// LRTV by alternating directions: f descends, M = SVT(X + Y, λ_rank/ρ), Y ← Y + X − M, ρ ← rho_growth·ρ. In
/// two dimensions both unfoldings have the same nuclear norm, so one M with 2ρ equals two with ρ.
/// Operator::exact continues with the last f and takes fixed numbers of iterations. Operator::toolbox
/// restarts from `initial` at each outer iteration and stops as the toolbox does. `trace` may be null.
imaging::Plane lrtv(const LrtvProblem& problem, const imaging::Plane& initial, const LrtvOptions& options,
                    LrtvTrace* trace = nullptr);

}  // namespace dnsp::classical
