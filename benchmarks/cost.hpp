#pragma once

namespace dnsp::benchmarks {

/// Minimal arithmetic and memory traffic of one run; 0 is not reported.
struct Cost {
    double flops = 0;
    double bytes = 0;
};

}  // namespace dnsp::benchmarks
