#pragma once

namespace dnsp::benchmarks {

/// Least arithmetic, and least traffic with memory, of one run; 0 is not reported.
struct Cost {
    double flops = 0;
    double bytes = 0;
};

}  // namespace dnsp::benchmarks
