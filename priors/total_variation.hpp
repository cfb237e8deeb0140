#pragma once

#include "priors/loss_term.hpp"

namespace dnsp {

struct TotalVariationOptions {
    double epsilon = 1e-3;  ///< rounds the kink at 0, in units of the intensity
    void visit(OptionVisitor& v) {
        v.option({.key = "total_variation_epsilon",
                  .flag = "--tv-epsilon",
                  .help = "ε of the smoothed total variation",
                  .group = "Priors",
                  .range = Range::positive},
                 epsilon);
    }
};

/// Smoothed isotropic total variation, mean over the batch (kernels/total_variation.hpp). Used in the
/// ablation EDSR-TVLR, paper Sec. IV-G.
TermValue total_variation(const Tensor& output, double epsilon);

}  // namespace dnsp
