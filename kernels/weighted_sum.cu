#include "kernels/weighted_sum.hpp"

#include <algorithm>

#include "kernels/simt/grid.hpp"
#include "kernels/simt/reduce.cuh"
#include "kernels/simt/vector.cuh"

// A few numbers and three or four arrays of a batch of patches. Bound by launch latency, so the number of
// launches is minimal.
namespace dnsp::kernels::cuda {
namespace {

using simt::load_vector, simt::store_vector, simt::Vector;

constexpr int threads = 256;

/// squares[term, part] = Σ gradient² over every gridDim.x-th piece of the term's gradient. One block per
/// part.
template <class T>
__global__ void __launch_bounds__(threads)
    sum_squares(const __grid_constant__ UpTo16<Term<T>> terms, bool aligned, double* squares) {
    constexpr std::int64_t width = Vector<T>::width;
    const Term<T>& term = terms.item[blockIdx.y];
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads * width;
    double sum = 0.0;
    for (std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x) * width;
         first < term.elements; first += stride) {
        const auto run =
            load_vector(term.gradient, first, static_cast<int>(min(width, term.elements - first)), aligned);
        for (const T element : run.element) {
            const auto value = static_cast<double>(element);
            sum = fma(value, value, sum);
        }
    }
    sum = simt::block_sum<threads>(sum);
    if (threadIdx.x == 0) squares[blockIdx.y * gridDim.x + blockIdx.x] = sum;
}

__device__ double sum_over_lanes(std::int64_t count, const double* values) {
    double sum = 0.0;
    for (std::int64_t k = threadIdx.x % 32; k < count; k += 32) sum += values[k];
    return simt::warp_sum(sum);
}

/// A warp owns a term. Then one thread adds the terms in order.
template <class T>
__global__ void __launch_bounds__(32 * UpTo16<Term<T>>::max_count)
    finish(const __grid_constant__ UpTo16<Term<T>> terms, int parts, const double* squares, double* metrics) {
    __shared__ simt::SharedArray<double, UpTo16<Term<T>>::max_count> values;
    const int i = static_cast<int>(threadIdx.x) / 32;
    const Term<T>& term = terms.item[static_cast<std::size_t>(i)];
    const double value = term.scale * sum_over_lanes(term.value_count, term.values);
    const double norm = fabs(term.scale) * sqrt(sum_over_lanes(parts, squares + i * parts));
    if (threadIdx.x % 32 == 0) {
        metrics[i] = value;
        metrics[terms.count + i] = norm;
        values[i] = value;
    }
    __syncthreads();
    if (threadIdx.x != 0) return;
    double total = 0.0;
    for (int k = 0; k < terms.count; ++k)
        total = fma(terms.item[static_cast<std::size_t>(k)].weight, values[k], total);
    metrics[2 * terms.count] = total;
}

template <class T>
__global__ void __launch_bounds__(threads)
    add_arrays(std::int64_t count, bool aligned, const double* factor,
               const __grid_constant__ UpTo16<Summand<T>> summands, const T* added, T* output) {
    constexpr int width = Vector<T>::width;
    const double common = *factor;
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads * width;
    for (std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x) * width;
         first < count; first += stride) {
        const int elements = static_cast<int>(min(std::int64_t{width}, count - first));
        double sum[width] = {};
        for (int i = 0; i < summands.count; ++i) {
            const Summand<T>& summand = summands.item[static_cast<std::size_t>(i)];
            const auto run = load_vector(summand.values, first, elements, aligned);
#pragma unroll
            for (int k = 0; k < width; ++k)
                sum[k] = fma(summand.factor, static_cast<double>(run.element[k]), sum[k]);
        }
        Vector<T> result{};
        if (added) result = load_vector(added, first, elements, aligned);
#pragma unroll
        for (int k = 0; k < width; ++k)
            result.element[k] = static_cast<T>(fma(common, sum[k], static_cast<double>(result.element[k])));
        store_vector(result, output, first, elements, aligned);
    }
}

}  // namespace

template <class T>
void weighted_sum(const UpTo16<Term<T>>& terms, double* metrics) {
    constexpr std::int64_t max_parts = 64, at_once = threads * Vector<T>::width;
    std::int64_t max_elements = 1;
    bool aligned = true;
    for (int i = 0; i < terms.count; ++i) {
        const Term<T>& term = terms.item[static_cast<std::size_t>(i)];
        max_elements = std::max(max_elements, term.elements);
        aligned = aligned && simt::are_aligned(term.gradient);
    }
    const auto parts = static_cast<unsigned>(std::min(max_parts, divide_up(max_elements, at_once)));
    const auto count = static_cast<unsigned>(terms.count);
    const simt::Workspace<double> squares(std::int64_t{parts} * count);
    simt::launch(sum_squares<T>, {parts, count}, threads, 0, terms, aligned, squares.data());
    simt::launch(finish<T>, 1, std::max(1u, count) * 32, 0, terms, static_cast<int>(parts), squares.data(),
                 metrics);
}

template <class T>
void sum_of_arrays(std::int64_t count, const double* factor, const UpTo16<Summand<T>>& summands,
                   const T* added, T* output) {
    bool aligned = simt::are_aligned(output) && (!added || simt::are_aligned(added));
    for (int i = 0; i < summands.count; ++i)
        aligned = aligned && simt::are_aligned(summands.item[static_cast<std::size_t>(i)].values);
    simt::launch(add_arrays<T>, simt::blocks_for_stride_loop(count, threads * Vector<T>::width), threads, 0,
                 count, aligned, factor, summands, added, output);
}

DNSP_INSTANTIATE(weighted_sum);
DNSP_INSTANTIATE(sum_of_arrays);

}  // namespace dnsp::kernels::cuda
