#pragma once

// Warp operations. All are built on warp_exchange, which gives each lane of the mask the values of all lanes.
#include <concepts>

#include "kernels/simt/host/executor.hpp"

namespace dnsp::simt::host {

template <class T>
concept Shuffled = std::is_trivially_copyable_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);

/// The lanes [first, last] of the running lane's segment in a shuffle of a given width.
struct Segment {
    int first, last;
};
inline Segment segment_of(int own_lane, int width) {
    if (width < 1 || width > warpSize || (width & (width - 1)) != 0)
        fail("the width of a shuffle must be a power of two up to 32");
    const int first = own_lane & ~(width - 1);
    return {first, first + width - 1};
}

template <Shuffled T>
T shuffle(unsigned mask, const char* operation, const T& mine, int source) {
    const auto everyone = warp_exchange(mask, operation, mine);
    if ((mask >> source & 1u) == 0) fail("a shuffle reads from a lane outside its mask");
    return everyone[static_cast<std::size_t>(source)];
}

template <class T, class Combine>
T reduce(unsigned mask, const char* operation, T mine, Combine combine) {
    const auto everyone = warp_exchange(mask, operation, mine);
    T result = mine;
    for (int i = 0; i < warpSize; ++i)
        if (i != lane() && (mask >> i & 1u) != 0)
            result = combine(result, everyone[static_cast<std::size_t>(i)]);
    return result;
}

template <class T>
concept ReducedInteger = std::same_as<T, int> || std::same_as<T, unsigned>;

}  // namespace dnsp::simt::host

constexpr unsigned dnsp_whole_warp = 0xffffffffu;

inline void __syncwarp(unsigned mask = dnsp_whole_warp) {
    dnsp::simt::host::exchange_in_warp(mask, "__syncwarp", nullptr, 0, nullptr);
}

// ---- Shuffles, within segments of `width` lanes. A lane with its source outside its segment keeps its
// value.

template <dnsp::simt::host::Shuffled T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
    const auto segment = dnsp::simt::host::segment_of(dnsp::simt::host::lane(), width);
    return dnsp::simt::host::shuffle(mask, "__shfl_sync", value, segment.first + (source & (width - 1)));
}

template <dnsp::simt::host::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
    const int own = dnsp::simt::host::lane(), source = own - static_cast<int>(delta % warpSize);
    const auto segment = dnsp::simt::host::segment_of(own, width);
    return dnsp::simt::host::shuffle(mask, "__shfl_up_sync", value, source < segment.first ? own : source);
}

template <dnsp::simt::host::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
    const int own = dnsp::simt::host::lane(), source = own + static_cast<int>(delta % warpSize);
    const auto segment = dnsp::simt::host::segment_of(own, width);
    return dnsp::simt::host::shuffle(mask, "__shfl_down_sync", value, source > segment.last ? own : source);
}

/// As on the device, lower segments may be read, higher segments not.
template <dnsp::simt::host::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize) {
    const int own = dnsp::simt::host::lane(), source = own ^ (lane_mask & (warpSize - 1));
    const auto segment = dnsp::simt::host::segment_of(own, width);
    return dnsp::simt::host::shuffle(mask, "__shfl_xor_sync", value, source > segment.last ? own : source);
}

// ---- Votes

inline unsigned __ballot_sync(unsigned mask, int predicate) {
    const unsigned own = predicate != 0 ? 1u << dnsp::simt::host::lane() : 0u;
    return dnsp::simt::host::reduce(mask, "__ballot_sync", own, [](unsigned a, unsigned b) { return a | b; });
}
inline int __any_sync(unsigned mask, int predicate) {
    return dnsp::simt::host::reduce(mask, "__any_sync", predicate != 0,
                                    [](bool a, bool b) { return a || b; });
}
inline int __all_sync(unsigned mask, int predicate) {
    return dnsp::simt::host::reduce(mask, "__all_sync", predicate != 0,
                                    [](bool a, bool b) { return a && b; });
}

// ---- Reductions

template <dnsp::simt::host::ReducedInteger T>
T __reduce_add_sync(unsigned mask, T value) {
    return static_cast<T>(dnsp::simt::host::reduce(mask, "__reduce_add_sync", static_cast<unsigned>(value),
                                                   [](unsigned a, unsigned b) { return a + b; }));
}
template <dnsp::simt::host::ReducedInteger T>
T __reduce_min_sync(unsigned mask, T value) {
    return dnsp::simt::host::reduce(mask, "__reduce_min_sync", value, [](T a, T b) { return b < a ? b : a; });
}
template <dnsp::simt::host::ReducedInteger T>
T __reduce_max_sync(unsigned mask, T value) {
    return dnsp::simt::host::reduce(mask, "__reduce_max_sync", value, [](T a, T b) { return a < b ? b : a; });
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value) {
    return dnsp::simt::host::reduce(mask, "__reduce_and_sync", value,
                                    [](unsigned a, unsigned b) { return a & b; });
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value) {
    return dnsp::simt::host::reduce(mask, "__reduce_or_sync", value,
                                    [](unsigned a, unsigned b) { return a | b; });
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value) {
    return dnsp::simt::host::reduce(mask, "__reduce_xor_sync", value,
                                    [](unsigned a, unsigned b) { return a ^ b; });
}
