#include "kernels/filter_measure.hpp"

#include "kernels/simt/reduce.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 128;

/// Pixel (row, col) of a patch, zero outside it.
template <class T>
__device__ __forceinline__ double pixel(const FilterVarianceShape& s, const T* patch, std::int64_t y,
                                        std::int64_t x) {
    return y >= 0 && y < s.height && x >= 0 && x < s.width ? static_cast<double>(patch[y * s.width + x])
                                                           : 0.0;
}

// gram[t,u] += sign · Σ_a Σ_yx S_a[y+t] · S_a[y+u]. A block owns a pair (t, u). Its threads share the
// response's pixels, patch after patch. Runs once before training. Bound by L2.
template <class T>
__global__ void __launch_bounds__(threads)
    accumulate_gram(const FilterVarianceShape s, const T* patches, double sign, double* gram) {
    const std::int64_t frame = s.border == Border::zero ? s.kernel / 2 : 0;
    const std::int64_t t = blockIdx.x / s.taps(), u = blockIdx.x % s.taps();
    const std::int64_t t_y = t / s.kernel - frame, t_x = t % s.kernel - frame;
    const std::int64_t u_y = u / s.kernel - frame, u_x = u % s.kernel - frame;
    const std::int64_t width = s.response_width(), count = s.response_height() * width;
    double sum = 0.0;
    for (std::int64_t a = 0; a < s.batch; ++a) {
        const T* patch = patches + a * s.height * s.width;
        for (std::int64_t i = threadIdx.x; i < count; i += threads) {
            const std::int64_t y = i / width, x = i % width;
            sum = fma(pixel(s, patch, y + t_y, x + t_x), pixel(s, patch, y + u_y, x + u_x), sum);
        }
    }
    sum = simt::block_sum<threads>(sum);
    if (threadIdx.x == 0) gram[blockIdx.x] = fma(sign, sum, gram[blockIdx.x]);
}

// ∂S/∂wˡ = 2 A wˡ and S = Σ_l wˡᵀ A wˡ. One block; a thread owns a row of A and a filter. Bound by launch
// latency.
template <class T>
__global__ void __launch_bounds__(threads)
    measure(std::int64_t filters, std::int64_t taps, const double* gram, const T* weights, double* value,
            T* filter_gradient) {
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < filters * taps; i += threads) {
        const double* row = gram + i % taps * taps;
        const T* filter = weights + i / taps * taps;
        double product = 0.0;
        for (std::int64_t u = 0; u < taps; ++u)
            product = fma(row[u], static_cast<double>(filter[u]), product);
        sum = fma(product, static_cast<double>(weights[i]), sum);
        filter_gradient[i] = static_cast<T>(2.0 * product);
    }
    sum = simt::block_sum<threads>(sum);
    if (threadIdx.x == 0) *value = sum;
}

}  // namespace

template <class T>
void accumulate_tap_gram(const FilterVarianceShape& shape, const T* patches, double sign, double* gram) {
    simt::launch(accumulate_gram<T>, static_cast<unsigned>(shape.taps() * shape.taps()), threads, 0, shape,
                 patches, sign, gram);
}

template <class T>
void filter_measure(std::int64_t filters, std::int64_t taps, const double* gram, const T* weights,
                    double* value, T* filter_gradient) {
    simt::launch(measure<T>, 1, threads, 0, filters, taps, gram, weights, value, filter_gradient);
}

DNSP_INSTANTIATE(accumulate_tap_gram);
DNSP_INSTANTIATE(filter_measure);

}  // namespace dnsp::kernels::cuda
