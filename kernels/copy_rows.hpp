#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// Copies rows of `row_elements` elements. Rows start `source_stride` elements apart in the source and
/// `target_stride` apart in the target. Copies channels of an NHWC array into a wider one and back, or
/// rectangles between images.
struct RowCopy {
    std::int64_t rows = 0;
    std::int64_t row_elements = 0;
    std::int64_t source_stride = 0;
    std::int64_t target_stride = 0;
};

DNSP_DECLARE_KERNEL(copy_rows, const RowCopy& shape, const T* source, T* target);

}  // namespace dnsp::kernels
