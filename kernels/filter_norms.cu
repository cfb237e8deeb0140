#include "kernels/filter_norms.hpp"

#include "kernels/simt/grid.hpp"
#include "kernels/simt/reduce.cuh"

namespace dnsp::kernels::cuda {
namespace {

// A warp owns a filter; its lanes share the taps. A few hundred bytes: bound by launch latency.
constexpr int threads = 128, filters_per_block = threads / 32;

/// The filter of this warp.
__device__ __forceinline__ std::int64_t filter_of_warp() {
    return static_cast<std::int64_t>(blockIdx.x) * filters_per_block + threadIdx.x / 32;
}

template <class T>
__device__ __forceinline__ double norm_by_warp(std::int64_t taps, const T* weights) {
    double squares = 0.0;
    for (std::int64_t t = threadIdx.x % 32; t < taps; t += 32) {
        const auto weight = static_cast<double>(weights[t]);
        squares = fma(weight, weight, squares);
    }
    return sqrt(simt::warp_sum(squares));
}

template <class T>
__global__ void measure(std::int64_t filters, std::int64_t taps, const T* weights, double* norms) {
    const std::int64_t f = filter_of_warp();
    if (f >= filters) return;
    const double norm = norm_by_warp(taps, weights + f * taps);
    if (threadIdx.x % 32 == 0) norms[f] = norm;
}

template <class T>
__global__ void rescale(std::int64_t filters, std::int64_t taps, const double* norms, T* weights) {
    const std::int64_t f = filter_of_warp();
    if (f >= filters) return;
    T* filter = weights + f * taps;
    const double present = norm_by_warp(taps, filter);
    if (present == 0.0) return;
    const T factor = static_cast<T>(norms[f] / present);
    for (std::int64_t t = threadIdx.x % 32; t < taps; t += 32) filter[t] *= factor;
}

}  // namespace

template <class T>
void filter_norms(std::int64_t filters, std::int64_t taps, const T* weights, double* norms) {
    simt::launch(measure<T>, simt::blocks_for(filters, filters_per_block), threads, 0, filters, taps, weights,
                 norms);
}

template <class T>
void rescale_filters(std::int64_t filters, std::int64_t taps, const double* norms, T* weights) {
    simt::launch(rescale<T>, simt::blocks_for(filters, filters_per_block), threads, 0, filters, taps, norms,
                 weights);
}

DNSP_INSTANTIATE(filter_norms);
DNSP_INSTANTIATE(rescale_filters);

}  // namespace dnsp::kernels::cuda
