#pragma once

#include <cstdint>

namespace dnsp::kernels {

/// `filters` filters of `taps` weights each, dense.
namespace cpu {

/// norms[f] = ‖W^f‖_F
template <class T>
void filter_norms(std::int64_t filters, std::int64_t taps, const T* weights, double* norms);

/// Scales every filter, in place, so that its norm is norms[f]; a filter of zeros stays as it is.
template <class T>
void rescale_filters(std::int64_t filters, std::int64_t taps, const double* norms, T* weights);

}  // namespace cpu

/// The same for device memory.
namespace cuda {

template <class T>
void filter_norms(std::int64_t filters, std::int64_t taps, const T* weights, double* norms);
template <class T>
void rescale_filters(std::int64_t filters, std::int64_t taps, const double* norms, T* weights);

}  // namespace cuda
}  // namespace dnsp::kernels
