#include "kernels/filter_norms.hpp"

#include <cmath>

#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {

template <class T>
void filter_norms(std::int64_t filters, std::int64_t taps, const T* weights, double* norms) {
    for (std::int64_t f = 0; f < filters; ++f) {
        double squares = 0.0;
        for (std::int64_t t = 0; t < taps; ++t) {
            const auto weight = static_cast<double>(weights[f * taps + t]);
            squares = multiply_add(weight, weight, squares);
        }
        norms[f] = std::sqrt(squares);
    }
}

template <class T>
void rescale_filters(std::int64_t filters, std::int64_t taps, const double* norms, T* weights) {
    for (std::int64_t f = 0; f < filters; ++f) {
        double present = 0.0;
        filter_norms<T>(1, taps, weights + f * taps, &present);
        if (present == 0.0) continue;
        const T factor = static_cast<T>(norms[f] / present);
        for (std::int64_t t = 0; t < taps; ++t) weights[f * taps + t] *= factor;
    }
}

DNSP_INSTANTIATE(filter_norms);
DNSP_INSTANTIATE(rescale_filters);

}  // namespace dnsp::kernels::cpu
