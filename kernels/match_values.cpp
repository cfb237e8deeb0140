#include "kernels/match_values.hpp"

#include <cmath>

#include "base/parallel.hpp"

namespace dnsp::kernels::cpu {

template <class T>
void match_values(const MatchShape& shape, const double* values, const double* targets, double* loss,
                  T* gradient) {
    const bool root = shape.matching == Matching::square_root;
#pragma omp parallel for schedule(static) if (shape.batch * shape.elements > parallel_grain)
    for (std::int64_t b = 0; b < shape.batch; ++b) {
        const auto [own_loss, factor] = match(shape.matching, root ? std::sqrt(values[b]) : values[b],
                                              root ? std::sqrt(targets[b]) : targets[b]);
        loss[b] = own_loss;
        T* own = gradient + b * shape.elements;
        for (std::int64_t i = 0; i < shape.elements; ++i) own[i] = static_cast<T>(factor * own[i]);
    }
}

DNSP_INSTANTIATE(match_values);

}  // namespace dnsp::kernels::cpu
