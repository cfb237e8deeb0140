#include "kernels/total_variation.hpp"

#include <algorithm>
#include <cmath>

namespace dnsp::kernels::cpu {

template <class T>
void total_variation(const TotalVariationShape& s, const T* images, double* value, T* gradient) {
    const double epsilon2 = s.epsilon * s.epsilon;
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const T* y = images + b * s.height * s.width;
        T* g = gradient + b * s.height * s.width;
        std::fill(g, g + s.height * s.width, T(0));
        double total = 0.0;
        for (std::int64_t r = 0; r < s.height; ++r)
            for (std::int64_t c = 0; c < s.width; ++c) {
                const std::int64_t here = r * s.width + c;
                const double down = r + 1 < s.height ? static_cast<double>(y[here + s.width]) - y[here] : 0.0;
                const double right = c + 1 < s.width ? static_cast<double>(y[here + 1]) - y[here] : 0.0;
                const double length = std::sqrt(down * down + right * right + epsilon2);
                total += length - s.epsilon;
                if (r + 1 < s.height) g[here + s.width] += static_cast<T>(down / length);
                if (c + 1 < s.width) g[here + 1] += static_cast<T>(right / length);
                g[here] -= static_cast<T>((down + right) / length);
            }
        value[b] = total;
    }
}

DNSP_INSTANTIATE(total_variation);

}  // namespace dnsp::kernels::cpu
