#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

// `filters` filters of `taps` weights, dense.
namespace dnsp::kernels {

/// norms[f] = ‖W^f‖_F
DNSP_DECLARE_KERNEL(filter_norms, std::int64_t filters, std::int64_t taps, const T* weights, double* norms);

/// Scales every filter in place to norm norms[f]. Filters of zeros stay zero.
DNSP_DECLARE_KERNEL(rescale_filters, std::int64_t filters, std::int64_t taps, const double* norms,
                    T* weights);

}  // namespace dnsp::kernels
