#include "kernels/weighted_sum.hpp"

#include <cmath>

#include "base/parallel.hpp"
#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {

template <class T>
void weighted_sum(const UpTo16<Term<T>>& terms, double* metrics) {
    double total = 0.0;
    for (int i = 0; i < terms.count; ++i) {
        const Term<T>& term = terms.item[static_cast<std::size_t>(i)];
        double value = 0.0;
        for (std::int64_t k = 0; k < term.value_count; ++k) value += term.values[k];
        const double squares = sum_in_blocks(term.elements, [&](std::int64_t begin, std::int64_t end) {
            double sum = 0.0;
            for (std::int64_t k = begin; k < end; ++k) {
                const auto value_of_gradient = static_cast<double>(term.gradient[k]);
                sum = multiply_add(value_of_gradient, value_of_gradient, sum);
            }
            return sum;
        });
        metrics[i] = term.scale * value;
        metrics[terms.count + i] = std::abs(term.scale) * std::sqrt(squares);
        total = multiply_add(term.weight, metrics[i], total);
    }
    metrics[2 * terms.count] = total;
}

template <class T>
void sum_of_arrays(std::int64_t count, const double* factor, const UpTo16<Summand<T>>& summands,
                   const T* added, T* output) {
    const double common = *factor;
#pragma omp parallel for schedule(static) if (count > parallel_grain)
    for (std::int64_t k = 0; k < count; ++k) {
        double sum = 0.0;
        for (int i = 0; i < summands.count; ++i) {
            const Summand<T>& summand = summands.item[static_cast<std::size_t>(i)];
            sum = multiply_add(summand.factor, static_cast<double>(summand.values[k]), sum);
        }
        sum *= common;
        output[k] = static_cast<T>(added ? static_cast<double>(added[k]) + sum : sum);
    }
}

DNSP_INSTANTIATE(weighted_sum);
DNSP_INSTANTIATE(sum_of_arrays);

}  // namespace dnsp::kernels::cpu
