#pragma once

namespace dnsp::kernels::cpu {

/// Threads that a parallel region of the CPU kernels uses.
int thread_count();

}  // namespace dnsp::kernels::cpu
