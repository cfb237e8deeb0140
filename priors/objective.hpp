#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "layers/squared_error.hpp"
#include "priors/filter_measure.hpp"
#include "priors/prior.hpp"

namespace dnsp {

/// The loss of a variant of the paper (Sec. IV-B), Eqs. (5) and (10):
///   E = data + α R_δ − β V − β V_mod + γ S + τ TV
///   NP    data
///   LR    data + α R_δ
///   FS    data − β V
///   LS    data − β V_mod + γ S
///   AP    data + α R_δ − β V_mod + γ S
///   TVLR  data + α R_δ + τ TV
struct ObjectiveOptions {
    std::string variant = "AP";
    double alpha = 1e-6;  ///< a tenth of what the paper prints, which costs up to .7 dB (docs/results.md)
    double beta = 5e-3;
    double gamma = 1e-7;
    double tau = 1e-5;
    Reduction reduction = Reduction::mean;
    std::map<std::string, double>
        extra_terms;  ///< registered prior → signed weight, besides the variant's own
    PriorOptions priors;
};

/// Throws Error naming the known variants.
void require_variant(const std::string& variant);
std::vector<std::string> variants();

class Objective {
  public:
    /// Adds the filters to the store if the variant learns any.
    Objective(const ObjectiveOptions& options, ParameterStore& store);

    /// LS and AP need the patches of the filter measure before the first evaluate().
    bool needs_patches() const { return uses_measure_; }
    void set_patches(const SharpAndSmooth& patches);

    /// All on the device: evaluate() waits for nothing.
    struct Evaluation {
        Tensor loss;  ///< float64 scalar [1] on the tape
        /// [2·terms + 1], float64: the terms' values, the norms of their gradients, all unweighted; the loss
        Tensor scalars;
    };
    Evaluation evaluate(Tape& tape, const Tensor& output, const Tensor& target) const;

    /// The terms in the order of `scalars`: the data term, the priors, the filter measure.
    struct Term {
        std::string name;
        double weight = 1.0;  ///< signed, as it enters the sum
    };
    std::vector<Term> terms() const;

    struct TermReport {
        std::string name;
        double weight = 1.0;
        double value = 0.0;  ///< unweighted
        double gradient_norm = 0.0;  ///< ‖weight · ∂term/∂Y‖_F over the batch (∂/∂W for the filter measure)
    };
    struct Report {
        double loss = 0.0;
        std::vector<TermReport> terms;
    };
    /// What `scalars`, once read, say.
    Report report(std::span<const double> scalars) const;

    /// Null unless the variant learns filters.
    FilterBank* filters() const { return context_.filters.get(); }
    const ObjectiveOptions& options() const { return options_; }

  private:
    struct WeightedPrior {
        Term term;
        std::unique_ptr<Prior> prior;
    };
    ObjectiveOptions options_;
    PriorContext context_;
    std::vector<WeightedPrior> priors_;
    bool uses_measure_ = false;
    std::unique_ptr<FilterMeasure> measure_;
};

}  // namespace dnsp
