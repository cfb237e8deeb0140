#pragma once

// What a kernel built with DNSP_WATCHDOG tells the host before it ends itself (kernels/simt/ptx/barriers.cuh,
// mbarrier_wait()).
#include <cstdint>
#include <string>

namespace dnsp::simt {

/// What threads wait for at an mbarrier.
enum class WaitsFor : std::uint32_t { unnamed, readers, copies };

/// A report in one word, because the register file of the kernels is full. Not 0. `barrier` is a shared
/// address, less than 2¹⁸; `parity` is that of the phase; `block` is blockIdx.x.
constexpr std::uint64_t watchdog_report(WaitsFor waits_for, std::uint32_t barrier, std::uint32_t parity,
                                        std::uint32_t block) {
    return std::uint64_t{block} << 32 | std::uint64_t{1} << 31 | static_cast<std::uint32_t>(waits_for) << 24 |
           parity << 20 | barrier;
}

/// A sentence on the report; empty if it is 0.
std::string watchdog_text(std::uint64_t report);

}  // namespace dnsp::simt
