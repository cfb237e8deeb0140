#pragma once

#include <vector>

#include "kernels/filter_variance.hpp"
#include "priors/loss_term.hpp"

namespace dnsp {

using kernels::Border;

/// Filter measure, paper Eqs. (9) and (14): S(W) = Σ_l Σ_a ‖Wˡ ⋆ Sm_a‖²_F − Σ_l Σ_a ‖Wˡ ⋆ Sh_a‖²_F. S is a
/// quadratic form in the taps. Its matrix is summed once, in the constructor (kernels/filter_measure.hpp).
class FilterMeasure {
  public:
    /// Filters have kernel × kernel taps and lie on `device`.
    FilterMeasure(const SharpAndSmooth& patches, std::int64_t kernel, Border border, Device device);

    /// filters [N_L, kernel, kernel]; the gradient is ∂S/∂W.
    TermValue evaluate(const Tensor& filters) const;

  private:
    std::int64_t taps_;
    Tensor gram_;  // [taps, taps], float64
};

}  // namespace dnsp
