#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

// `filters` filters of `taps` weights each, dense.
namespace dnsp::kernels {

/// norms[f] = ‖W^f‖_F
DNSP_DECLARE_KERNEL(filter_norms, std::int64_t filters, std::int64_t taps, const T* weights, double* norms);

/// Scales every filter, in place, so that its norm is norms[f]; a filter of zeros stays as it is.
DNSP_DECLARE_KERNEL(rescale_filters, std::int64_t filters, std::int64_t taps, const double* norms,
                    T* weights);

}  // namespace dnsp::kernels
