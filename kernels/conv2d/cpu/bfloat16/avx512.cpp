// AVX512_BF16: VDPBF16PS adds two products of bfloat16 to each of 16 floats.
#include "kernels/conv2d/cpu/bfloat16/unit.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>
#endif

namespace dnsp::kernels::cpu::detail {
namespace {

// As many sums as registers hold: 6 rows × 4 vectors of 16 channels.
constexpr std::int64_t tile_rows = 6, vector_channels = 16;

#if defined(__x86_64__)
#define DNSP_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

bool is_available() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16");
}

/// VDPBF16PS is faster than multiply-adds in float32 on AMD's processors, slower on Intel's
/// (docs/design/bfloat16_cpu.md).
bool is_fast() { return !__builtin_cpu_is("intel"); }

/// Two neighbouring numbers of a row, in all lanes.
DNSP_AVX512_BF16 inline __m512bh broadcast_pair(const bfloat16* from) {
    int pair;
    std::memcpy(&pair, from, sizeof(pair));
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

template <int vectors>
DNSP_AVX512_BF16 void multiply_rows(const Bfloat16Product& p, std::int64_t row) {
    __m512 sums[tile_rows][vectors];
    for (int r = 0; r < tile_rows; ++r)
        for (int v = 0; v < vectors; ++v)
            sums[r][v] = p.add ? _mm512_loadu_ps(p.sums + (row + r) * p.sums_stride + v * vector_channels)
                               : _mm512_setzero_ps();
    const bfloat16* b = p.b;
    for (std::int64_t t = 0; t < p.parts; ++t) {
        const bfloat16* const a = p.a[t] + row * p.a_stride;
        for (std::int64_t k = 0; k < p.depth; k += 2, b += 2 * vectors * vector_channels) {
            __m512bh of_b[vectors];
            for (int v = 0; v < vectors; ++v)
                of_b[v] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + 2 * v * vector_channels));
            for (int r = 0; r < tile_rows; ++r) {
                const __m512bh of_a = broadcast_pair(a + r * p.a_stride + k);
                for (int v = 0; v < vectors; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], of_a, of_b[v]);
            }
        }
    }
    for (int r = 0; r < tile_rows; ++r)
        for (int v = 0; v < vectors; ++v)
            _mm512_storeu_ps(p.sums + (row + r) * p.sums_stride + v * vector_channels, sums[r][v]);
}

void multiply(const Bfloat16Product& p) {
    static constexpr decltype(&multiply_rows<1>) of[] = {multiply_rows<1>, multiply_rows<2>, multiply_rows<3>,
                                                         multiply_rows<4>};
    const auto rows = of[p.channels / vector_channels - 1];
    for (std::int64_t row = 0; row < p.rows; row += tile_rows) rows(p, row);
    p.side.finish();
}
#else
bool is_available() { return false; }
bool is_fast() { return false; }
void multiply(const Bfloat16Product&) {}
#endif

}  // namespace

const Bfloat16Unit avx512_bf16_unit{"avx512_bf16", tile_rows,    2,       4 * vector_channels,
                                    false,         is_available, is_fast, nullptr,
                                    nullptr,       multiply};

}  // namespace dnsp::kernels::cpu::detail
