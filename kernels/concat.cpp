#include "kernels/concat.hpp"

#include <algorithm>

namespace dnsp::kernels::cpu {

template <class T>
void concat_write(std::int64_t pixels, std::int64_t channels, std::int64_t wide_channels, std::int64_t offset,
                  const T* part, T* wide) {
#pragma omp parallel for schedule(static)
    for (std::int64_t p = 0; p < pixels; ++p)
        std::copy_n(part + p * channels, channels, wide + p * wide_channels + offset);
}

template <class T>
void concat_read(std::int64_t pixels, std::int64_t channels, std::int64_t wide_channels, std::int64_t offset,
                 const T* wide, T* part) {
#pragma omp parallel for schedule(static)
    for (std::int64_t p = 0; p < pixels; ++p)
        std::copy_n(wide + p * wide_channels + offset, channels, part + p * channels);
}

#define INSTANTIATE(T)                                                                                   \
    template void concat_write<T>(std::int64_t, std::int64_t, std::int64_t, std::int64_t, const T*, T*); \
    template void concat_read<T>(std::int64_t, std::int64_t, std::int64_t, std::int64_t, const T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cpu
