#pragma once

#include <array>
#include <cstdint>

namespace dnsp::simt {

/// What the engine for bulk tensor copies knows of an array in global memory, and of the boxes that are
/// copied from it or to it. To be handed to a kernel by value, as a `const __grid_constant__` parameter.
struct alignas(128) TensorMap {
    std::array<unsigned char, 128> bytes;
};

/// Of a dense array of elements of 2 bytes, aligned to 16 bytes, whose first dimension is contiguous: of
/// images, {channels, width, height, images}. A box has box[0] = 64 elements, which make a row of 128 bytes
/// in shared memory, and box[1] · box[2] · box[3] rows, the first of these dimensions running fastest, none
/// above 256.
///
/// In shared memory the eight chunks of 16 bytes of a row are permuted: chunk c of row r lies at c ⊕ (r mod
/// 8). This spreads both a row and eight chunks above each other over all banks, and is one of the layouts
/// that wgmma reads (ptx.cuh). Boxes begin there at multiples of 1024 bytes.
///
/// Throws dnsp::Error where the driver or the device has no such thing.
TensorMap make_tensor_map(const void* array, const std::array<std::int64_t, 4>& extents,
                          const std::array<int, 4>& box);

}  // namespace dnsp::simt
