#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/parameters.hpp"
#include "kernels/filter_variance.hpp"
#include "layers/closed_form.hpp"

namespace dnsp {

using kernels::Border;

class FilterBank;

/// What the prior terms of an objective are made from.
struct PriorOptions {
    double delta = 0.01;                          ///< δ of the low-rank surrogate
    std::string low_rank_method = "exponential";  ///< "exponential", "svd" or "cusolver"
    Border border = Border::valid;                ///< of the filters' responses
    double laplacian_scale = 0.25;                ///< L/4 is Eq. (20); 1 is the text's drawing
    int filters = 8;                              ///< N_L
    double filter_deviation = 0.01;  ///< standard deviation of the initial perturbation (variance 1e-4)
    bool fixed_filter_norms = true;  ///< each learned filter keeps the norm of its initial value
    double total_variation_epsilon = 1e-3;
};

/// Parameters that terms share. The learned filters are made once, for the first term that asks.
struct PriorContext {
    PriorOptions options;
    ParameterStore* store = nullptr;
    std::shared_ptr<FilterBank> filters;
    FilterBank& filter_bank();
};

/// A term of the loss. A new one is one file of this folder with a class derived from Prior and a line
///   static const PriorRegistration registration{"name", "one line for --help", make};
class Prior {
  public:
    virtual ~Prior() = default;
    /// Of output [n, h, w, 1], averaged over the batch; the first gradient is the one with respect to output.
    virtual ClosedForm evaluate(const Tensor& output) = 0;
};

using PriorFactory = std::function<std::unique_ptr<Prior>(PriorContext&)>;

struct PriorRegistration {
    PriorRegistration(const std::string& name, const std::string& summary, PriorFactory factory);
};

/// Throws Error naming the known terms.
std::unique_ptr<Prior> make_prior(const std::string& name, PriorContext& context);
std::map<std::string, std::string> registered_priors();

/// For priors: checks that output is [n, h, w, 1].
void require_images(const Tensor& output, const char* where);

}  // namespace dnsp
