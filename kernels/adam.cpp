#include "kernels/adam.hpp"

#include "base/parallel.hpp"
#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {

template <class T>
void adam(const AdamShape& a, const AdamRates* rates, const StepPosition* position, const T* gradient,
          T* value, T* first_moment, T* second_moment) {
    const AdamRates& rate = rates[position->step];
    const T beta1 = static_cast<T>(a.beta1), beta2 = static_cast<T>(a.beta2);
    const T one_minus_beta1 = static_cast<T>(1 - a.beta1), one_minus_beta2 = static_cast<T>(1 - a.beta2);
    const T correction2 = static_cast<T>(rate.root_correction);
    const T epsilon = static_cast<T>(a.epsilon);
    for (std::size_t s = 0; s < static_cast<std::size_t>(a.segment_count); ++s) {
        const std::int64_t first = a.segments[s].first, count = a.segments[s].count, last = first + count;
        const T step_size = static_cast<T>(rate.step_size[s]);
#pragma omp parallel for simd schedule(static) if (parallel : count > parallel_grain)
        for (std::int64_t i = first; i < last; ++i) {
            const T g = gradient[i];
            const T m = multiply_add(beta1, first_moment[i], one_minus_beta1 * g);
            const T v = multiply_add(beta2, second_moment[i], one_minus_beta2 * g * g);
            first_moment[i] = m;
            second_moment[i] = v;
            value[i] -= step_size * m / multiply_add(std::sqrt(v), correction2, epsilon);
        }
    }
}

DNSP_INSTANTIATE(adam);

}  // namespace dnsp::kernels::cpu
