#pragma once

// Products of bfloat16 matrices with sums in float32, by the instructions that the processor has for them.
#include <cstdint>
#include <span>
#include <string>

#include "kernels/bfloat16.hpp"

namespace dnsp::kernels::cpu::detail {

/// Work of the processor's vector unit that a product does between its multiplications, so that both units
/// are busy: do_step(context), `steps` times.
struct SideWork {
    std::int64_t steps = 0;
    void (*do_step)(void* context) = nullptr;
    void* context = nullptr;

    /// Does the steps from `first` on.
    void finish(std::int64_t first = 0) const {
        for (std::int64_t n = first; n < steps; ++n) do_step(context);
    }
};

/// sums[r, c] = Σ_t Σ_k a[t][r, k] · b[⌊t / parts_of_b⌋, k, c],  r < rows, c < channels, k < depth, t <
/// parts, or sums[r, c] += … The order of a sum depends on the unit only: not on rows and channels. Denormal
/// numbers count as 0, and are rounded to 0.
struct Bfloat16Product {
    std::int64_t rows;      ///< a multiple of the unit's rows
    std::int64_t channels;  ///< a multiple of 16, at most the unit's max_channels
    std::int64_t depth;     ///< a multiple of the unit's depth
    std::int64_t parts;
    const bfloat16* const* a;  ///< a[t] + r · a_stride + k; in lines: see below
    std::int64_t a_stride;
    const bfloat16* b;  ///< [parts / parts_of_b, depth / 2, channels, 2]
    float* sums;        ///< [rows, sums_stride]
    std::int64_t sums_stride;
    bool add = false;  ///< to `sums`
    /// If not 0, the rows of a unit that is `direct` are in lines of the unit's rows:
    /// a[t] + r / unit.rows · a_line + r % unit.rows · a_stride + k
    std::int64_t a_line = 0;
    /// Of a unit that is `direct`: so many neighbouring parts have the same b.
    std::int64_t parts_of_b = 1;
    SideWork side{};  ///< done when multiply() returns
};

/// An implementation of these products.
struct Bfloat16Unit {
    const char* name;
    std::int64_t rows, depth, max_channels;
    /// The multiplications are so fast that Winograd's transforms would take longer than what they save.
    bool direct;
    bool (*is_available)();
    /// False if float32 is faster on this processor. Such a unit is used if DNSP_BFLOAT16 names it.
    bool (*is_fast)();
    /// Of a Bfloat16Session: prepare a thread's registers for products, and release them. Null: nothing to
    /// do.
    void (*begin)();
    void (*end)();
    void (*multiply)(const Bfloat16Product& product);
};

/// Products of a thread. A thread has at most one session at a time.
class Bfloat16Session {
  public:
    explicit Bfloat16Session(const Bfloat16Unit& unit) : unit_(unit) {
        if (unit_.begin) unit_.begin();
    }
    ~Bfloat16Session() {
        if (unit_.end) unit_.end();
    }
    Bfloat16Session(const Bfloat16Session&) = delete;
    Bfloat16Session& operator=(const Bfloat16Session&) = delete;

    void multiply(const Bfloat16Product& product) const { unit_.multiply(product); }

  private:
    const Bfloat16Unit& unit_;
};

// Intel's AMX tiles, and the instruction VDPBF16PS of AVX512_BF16. Their arithmetic differs: VDPBF16PS adds
// products one after another, AMX adds 32 products before it adds them to the sum.
extern const Bfloat16Unit amx_unit, avx512_bf16_unit;
/// The arithmetic of AMX and of AVX512_BF16, bit for bit, on every processor. Slow: for tests and
/// comparisons.
extern const Bfloat16Unit emulated_amx_unit, emulated_avx512_bf16_unit;

/// All units, the fastest first.
std::span<const Bfloat16Unit* const> bfloat16_units();

/// The unit of this process: the one named by the environment variable DNSP_BFLOAT16, else the first one that
/// is available and fast, else null. Throws Error if DNSP_BFLOAT16 names no unit, or one that the processor
/// lacks.
const Bfloat16Unit* bfloat16_unit();

/// For tests: sets the unit of this process.
void set_bfloat16_unit(const Bfloat16Unit* unit);

/// The largest multiple of 16 that divides `channels` and is at most `most`.
constexpr std::int64_t panel_channels(std::int64_t channels, std::int64_t most) {
    std::int64_t panel = most / 16 * 16;
    while (channels % panel != 0) panel -= 16;
    return panel;
}

}  // namespace dnsp::kernels::cpu::detail
