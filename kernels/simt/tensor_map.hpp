#pragma once

#include <array>
#include <cstdint>

namespace dnsp::simt {

/// TMA's description of an array in global memory and of the boxes copied from or to it. Pass it to a kernel
/// by value, as a `const __grid_constant__` parameter.
struct alignas(128) TensorMap {
    std::array<unsigned char, 128> bytes;
};

/// Creates the map of a dense array of 2-byte elements, aligned to 16 bytes, first dimension contiguous: for
/// images {channels, width, height, images}. A box has box[0] = 64 elements, which make a row of 128 bytes in
/// shared memory, and box[1] · box[2] · box[3] rows (box[1] fastest), each at most 256.
///
/// In shared memory the eight 16-byte chunks of a row are permuted: chunk c of row r is stored at c ⊕ (r mod
/// 8). Both a row and eight chunks above each other then use all banks. wgmma can read this layout (ptx.cuh).
/// Boxes begin at multiples of 1024 bytes.
///
/// Throws dnsp::Error if the driver or the device does not support tensor maps.
TensorMap make_tensor_map(const void* array, const std::array<std::int64_t, 4>& extents,
                          const std::array<int, 4>& box);

}  // namespace dnsp::simt
