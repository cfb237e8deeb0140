#pragma once

#include <cstdint>

namespace dnsp::kernels::cpu {

/// Copies channels between an NHWC array of `channels` channels and one part of a wider NHWC array:
/// wide[p, offset + c] ↔ part[p, c] for all pixels p. Overwrites what it copies to.
template <class T>
void concat_write(std::int64_t pixels, std::int64_t channels, std::int64_t wide_channels, std::int64_t offset,
                  const T* part, T* wide);
template <class T>
void concat_read(std::int64_t pixels, std::int64_t channels, std::int64_t wide_channels, std::int64_t offset,
                 const T* wide, T* part);

}  // namespace dnsp::kernels::cpu
