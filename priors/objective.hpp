#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "layers/squared_error.hpp"
#include "priors/loss_term.hpp"

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
    double alpha = 1e-6;  ///< a tenth of the paper's value, which costs up to 0.7 dB (docs/results/priors.md)
    double beta = 5e-3;
    double gamma = 1e-7;
    double tau = 1e-5;
    Reduction reduction = Reduction::mean;
    std::map<std::string, double> extra_terms;  ///< further registered terms and their signed weights
    OptionSet terms = term_registry().default_options();  ///< the options of every term

    void visit(OptionVisitor& v);
};

/// Throws Error if a weight differs from its default, but the variant lacks its term.
void require_weights_used(const ObjectiveOptions& options);

/// Throws Error that names the known variants.
void require_variant(const std::string& variant);
std::vector<std::string> variants();

class Objective {
  public:
    /// Adds learned filters to the store if a term uses them. Throws Error for an unknown variant or term,
    /// and for a term that is named twice.
    Objective(const ObjectiveOptions& options, ParameterStore& store);
    Objective(const Objective&) = delete;  // terms refer to its options
    Objective& operator=(const Objective&) = delete;

    /// True if a term needs training patches. Then prepare() must be called once, after the parameters are
    /// allocated and before the first evaluate().
    bool needs_patches() const;
    void prepare(const SharpAndSmooth& patches);

    /// The result lies on the device. evaluate() does not wait for the device.
    struct Evaluation {
        Tensor loss;     ///< float64 scalar [1] on the tape
        Tensor metrics;  ///< [2 · terms + 1] of float64, as weighted_sum() writes it
    };
    Evaluation evaluate(Tape& tape, const StepImages& images) const;

    /// The terms in the order of the metrics; the data term is the first.
    struct Term {
        std::string name;
        double weight = 1.0;  ///< signed factor in the sum
        bool reads_images = true;
    };
    std::vector<Term> terms() const;

    struct TermReport {
        std::string name;
        double weight = 1.0;
        double value = 0.0;  ///< without the weight
        double gradient_norm = 0.0;  ///< ‖weight · ∂term/∂Y‖_F over the batch (∂/∂W for the filter measure)
    };
    struct Report {
        double loss = 0.0;
        std::vector<TermReport> terms;
    };
    /// The report of an evaluation from its metrics, copied to the host.
    Report report(std::span<const double> metrics) const;

    /// Null unless a term uses learned filters.
    FilterBank* filters() const { return context_.filters(); }
    const ObjectiveOptions& options() const { return options_; }

  private:
    struct WeightedLossTerm {
        Term term;
        std::unique_ptr<LossTerm> function;
    };
    void add(const std::string& name, double weight);

    ObjectiveOptions options_;
    TermContext context_;
    std::vector<WeightedLossTerm> terms_;  // without the data term
};

}  // namespace dnsp
