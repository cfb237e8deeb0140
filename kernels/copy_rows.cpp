#include "kernels/copy_rows.hpp"

#include <algorithm>

namespace dnsp::kernels::cpu {

template <class T>
void copy_rows(const RowCopy& s, const T* source, T* target) {
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < s.rows; ++row)
        std::copy_n(source + row * s.source_stride, s.row_elements, target + row * s.target_stride);
}

DNSP_INSTANTIATE(copy_rows);

}  // namespace dnsp::kernels::cpu
