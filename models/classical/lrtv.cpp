#include "models/classical/lrtv.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "models/classical/method.hpp"
#include "models/classical/singular_values.hpp"
#include "models/classical/toolbox_operator.hpp"
#include "models/classical/variation.hpp"

namespace dnsp::classical {

using imaging::Plane;

void LrtvOptions::visit(OptionVisitor& v) {
    v.option({.key = "lambda_tv", .help = "weight of total variation", .range = Range::non_negative},
             lambda_tv);
    v.option({.key = "lambda_rank", .help = "weight of the nuclear norm", .range = Range::non_negative},
             lambda_rank);
    v.option({.key = "rho",
              .help = "penalty between the image and its low-rank copy; 0 only without lambda_rank",
              .range = Range::non_negative},
             rho);
    v.option(
        {.key = "rho_growth", .help = "factor of rho after each outer iteration", .range = Range::positive},
        rho_growth);
    v.option({.key = "outer", .help = "outer iterations", .range = Range::positive}, outer);
    v.option({.key = "inner",
              .help = "inner steps; 0: 20, or at most 200 with operator=toolbox",
              .range = Range::non_negative},
             inner);
    v.option({.key = "step",
              .help = "longest inner step; shortened where it would be unstable",
              .range = Range::positive},
             step);
    v.option({.key = "epsilon", .help = "added to the squared gradient", .range = Range::positive}, epsilon);
    v.option(
        {.key = "operator",
         .help =
             "the degradation that the method assumes: the true one, or that of the authors' toolbox with "
             "its restarts and stops"},
        operator_kind, {{"exact", Operator::exact}, {"toolbox", Operator::toolbox}});
    v.option({.key = "tv",
              .help = "direction that reduces total variation: its gradient, or the toolbox's curvature"},
             variation, {{"gradient", Variation::gradient}, {"curvature", Variation::curvature}});
}

int lrtv_descend(const LrtvProblem& problem, const LrtvOptions& options, double rho, const Plane& z,
                 int steps, InnerStop stop, Plane& f) {
    const double curvature_bound = std::max(1.0, problem.squared_scale * problem.a.squared_norm()) + rho +
                                   8.0 * options.lambda_tv / std::sqrt(options.epsilon);
    const double dt = std::min(options.step, 1.8 / curvature_bound);
    double objective = 0.0;
    Plane residual = problem.low - problem.a.apply(f);
    for (int i = 0; i < steps; ++i) {
        Plane direction = problem.squared_scale * problem.a.apply_transpose(residual) - rho * (f - z);
        if (options.lambda_tv > 0.0) {
            direction += options.lambda_tv * (options.variation == LrtvOptions::Variation::gradient
                                                  ? total_variation_descent(f, options.epsilon)
                                                  : curvature(f, options.epsilon));
        }
        const double variation =
            stop == InnerStop::toolbox ? options.lambda_tv * toolbox_variation(f, options.epsilon) : 0.0;
        f = (f + dt * direction).cwiseMax(0.0);
        residual = problem.low - problem.a.apply(f);
        if (stop == InnerStop::none) continue;
        const double before = objective;
        objective = variation + residual.squaredNorm() + 0.5 * rho * (f - z).squaredNorm();
        if (i > 0 && objective < before && (before - objective) / before < 1e-5) return i + 1;
    }
    return steps;
}

Plane lrtv(const LrtvProblem& problem, const Plane& initial, const LrtvOptions& options, LrtvTrace* trace) {
    const bool toolbox = options.operator_kind == LrtvOptions::Operator::toolbox;
    const int inner = options.inner > 0 ? options.inner : toolbox ? 200 : 20;
    const double low_norm = problem.low.norm();
    Plane x = initial;
    Plane m = Plane::Zero(x.rows(), x.cols()), y = m;
    double rho = options.rho;
    for (int k = 0; k < options.outer; ++k) {
        const Plane last = x;
        if (toolbox) x = initial;
        const int steps = lrtv_descend(problem, options, rho, m - y, inner,
                                       toolbox ? InnerStop::toolbox : InnerStop::none, x);
        const double change = low_norm > 0.0 ? (x - last).norm() / low_norm : 0.0;
        if (trace) {
            trace->change.push_back(change);
            trace->inner_steps.push_back(steps);
        }
        if (toolbox && change < 1e-5) break;
        y += x;
        m = rho > 0.0 ? threshold_singular_values(y, options.lambda_rank / rho) : y;
        y -= m;
        rho *= options.rho_growth;
    }
    return x;
}

namespace {

class Lrtv : public Method {
  public:
    using Options = LrtvOptions;
    explicit Lrtv(const Options& options) : options_(options) {
        require(options.rho > 0.0 || options.lambda_rank == 0.0,
                "[method] lrtv: rho=0 needs lambda_rank=0, because the low-rank copy has the weight rho");
    }

  protected:
    imaging::Image enlarge_checked(const imaging::Image& low,
                                   const imaging::Degradation& degradation) const override {
        const bool toolbox = options_.operator_kind == Options::Operator::toolbox;
        const int scale = degradation.scale, height = low.height * scale, width = low.width * scale;
        const Plane target = imaging::to_plane(low);
        const auto a = toolbox ? toolbox_operator(height, width, scale)
                               : imaging::degradation_operator(height, width, degradation);
        const Plane initial =
            toolbox ? repeat(target, scale)
                    : imaging::enlargement_operator(low.height, low.width, degradation).apply(target);
        const LrtvProblem problem{a, static_cast<double>(scale) * scale, target};
        return imaging::to_image(lrtv(problem, initial, options_));
    }

  private:
    Options options_;
};

const MethodRegistration<Lrtv> registration{
    "lrtv", "low rank and total variation (Shi et al. 2015); with operator=exact it is told the degradation"};

}  // namespace
}  // namespace dnsp::classical
