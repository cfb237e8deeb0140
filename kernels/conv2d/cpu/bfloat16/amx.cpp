// Intel's Advanced Matrix Extensions. Written as assembly, because the compilers' intrinsics need options for
// the whole file and, in GCC 12, do not say that they access memory.
#include "kernels/conv2d/cpu/bfloat16/tiles.hpp"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace dnsp::kernels::cpu::detail {
namespace {

#if defined(__x86_64__) && defined(__linux__)
/// The processor has the tiles, and the operating system saves them and lets this process use them.
bool request_tiles() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c >> 27 & 1u) == 0) return false;  // OSXSAVE
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    if ((d & amx_bf16) == 0 || (d & amx_tile) == 0) return false;
    unsigned low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    constexpr unsigned configuration = 1u << 17, data = 1u << 18;
    if ((low & configuration) == 0 || (low & data) == 0) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
bool is_available() {
    static const bool available = request_tiles();
    return available;
}

/// Configures the tiles of this thread: 16 rows of 64 bytes each.
void begin() {
    struct alignas(64) {
        unsigned char palette = 1, first_row = 0, reserved[14] = {};
        unsigned short row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
        unsigned char rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } const configuration;
    static_assert(sizeof(configuration) == 64);
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
}
/// Releases them, so that the operating system need not save them at every change of threads.
void end() { __asm__ volatile("tilerelease"); }

struct HardwareTiles {
    template <int tile>
    static void zero() {
        __asm__ volatile("tilezero %%tmm%c0" ::"i"(tile));
    }
    template <int tile>
    static void load(const void* from, std::int64_t row_bytes) {
        __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(tile), "r"(from), "r"(row_bytes) : "memory");
    }
    template <int sums, int a, int b>
    static void add_products() {
        __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sums), "i"(a), "i"(b));
    }
    template <int tile>
    static void store(float* to, std::int64_t row_bytes) {
        __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(tile), "r"(to), "r"(row_bytes) : "memory");
    }
};
void multiply(const Bfloat16Product& product) { multiply_by_tiles<HardwareTiles>(product); }
#else
bool is_available() { return false; }
void begin() {}
void end() {}
void multiply(const Bfloat16Product&) {}
#endif

}  // namespace

const Bfloat16Unit amx_unit = unit_of_tiles("amx", is_available, is_available, begin, end, multiply);

}  // namespace dnsp::kernels::cpu::detail
