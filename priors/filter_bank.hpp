#pragma once

#include <vector>

#include "base/options.hpp"
#include "engine/parameters.hpp"
#include "kernels/filter_variance.hpp"

namespace dnsp {

using kernels::Border;

/// The 3×3 Laplacian times `scale`, row by row: scale · [0 −1 0; −1 4 −1; 0 −1 0].
std::vector<double> laplacian(double scale);

/// Options of the fixed and the learned filters. The variance of a filter's response measures sharpness.
struct FilterOptions {
    Border border = Border::valid;  ///< of the responses
    double laplacian_scale = 0.25;  ///< 0.25: L/4 of paper Eq. (20); 1: L as drawn in the paper
    int filters = 8;                ///< N_L
    double deviation = 0.01;        ///< standard deviation of the initial perturbation (variance 1e-4)
    bool fixed_norms = true;        ///< each learned filter keeps the norm of its initial value

    void visit(OptionVisitor& v);
};

/// The learned sharpness filters W_L, paper Sec. III: N_L filters of 3×3 taps that start at the Laplacian
/// plus normal perturbations. Parameter "filters" [N_L, 3, 3] of the group `filters`.
class FilterBank {
  public:
    FilterBank(ParameterStore& store, const FilterOptions& options);

    const Tensor& weights() const { return (*store_)[index_]; }

    int filters() const { return filters_; }

    /// ‖Wˡ‖_F of every filter. `norms`: [filters] of float64 on the device of the weights.
    void write_norms(const Tensor& norms) const;
    std::vector<double> norms() const;

    /// Call it after an optimiser step. Scales every filter back to its reference norm, if
    /// FilterOptions::fixed_norms is set. Without the constraint the loss term −βV_mod makes the filters grow
    /// without bound.
    void constrain();

    /// The norms that constrain() restores: the norms of the initial filters, or the norms of a checkpoint.
    const std::vector<double>& reference_norms();
    void set_reference_norms(std::vector<double> norms);

  private:
    ParameterStore* store_;
    std::size_t index_;
    int filters_;
    bool fixed_norms_;
    std::vector<double> reference_norms_;
    Tensor reference_norms_on_device_;
};

}  // namespace dnsp
