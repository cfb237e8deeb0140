#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace dnsp::kernels {

/// Rows of `row_elements` elements that lie `source_stride` elements apart, copied to rows `target_stride`
/// apart: channels of an NHWC array into a wider one and back, or a rectangle of an image into another.
struct RowCopy {
    std::int64_t rows = 0;
    std::int64_t row_elements = 0;
    std::int64_t source_stride = 0;
    std::int64_t target_stride = 0;
};

DNSP_DECLARE_KERNEL(copy_rows, const RowCopy& shape, const T* source, T* target);

}  // namespace dnsp::kernels
