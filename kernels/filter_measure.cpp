#include "kernels/filter_measure.hpp"

#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {

template <class T>
void accumulate_tap_gram(const FilterVarianceShape& s, const T* patches, double sign, double* gram) {
    const std::int64_t frame = s.border == Border::zero ? s.kernel / 2 : 0;
    auto pixel = [&](const T* patch, std::int64_t y, std::int64_t x) {
        y -= frame;
        x -= frame;
        return y >= 0 && y < s.height && x >= 0 && x < s.width ? static_cast<double>(patch[y * s.width + x])
                                                               : 0.0;
    };
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < s.taps(); ++t)
        for (std::int64_t u = 0; u < s.taps(); ++u) {
            double sum = 0.0;
            for (std::int64_t a = 0; a < s.batch; ++a) {
                const T* patch = patches + a * s.height * s.width;
                for (std::int64_t y = 0; y < s.response_height(); ++y)
                    for (std::int64_t x = 0; x < s.response_width(); ++x)
                        sum = multiply_add(pixel(patch, y + t / s.kernel, x + t % s.kernel),
                                           pixel(patch, y + u / s.kernel, x + u % s.kernel), sum);
            }
            gram[t * s.taps() + u] = multiply_add(sign, sum, gram[t * s.taps() + u]);
        }
}

template <class T>
void filter_measure(std::int64_t filters, std::int64_t taps, const double* gram, const T* weights,
                    double* value, T* filter_gradient) {
    double total = 0.0;
    for (std::int64_t f = 0; f < filters; ++f) {
        const T* w = weights + f * taps;
        for (std::int64_t t = 0; t < taps; ++t) {
            double row = 0.0;
            for (std::int64_t u = 0; u < taps; ++u)
                row = multiply_add(gram[t * taps + u], static_cast<double>(w[u]), row);
            total = multiply_add(row, static_cast<double>(w[t]), total);
            filter_gradient[f * taps + t] = static_cast<T>(2.0 * row);
        }
    }
    *value = total;
}

DNSP_INSTANTIATE(accumulate_tap_gram);
DNSP_INSTANTIATE(filter_measure);

}  // namespace dnsp::kernels::cpu
