#pragma once

#include <memory>
#include <string>

#include "training/processes.hpp"

namespace dnsp::tools {

// NVIDIA's library for communication between GPUs, loaded on first use. CMake links nccl.cpp in builds for
// GPUs, no_nccl.cpp in others.

/// Why this process cannot use NCCL; empty if it can.
std::string nccl_obstacle();

/// "NCCL 2.27.3". Precondition of this and the next function: no obstacle.
std::string nccl_version();

/// `hosts` for arrays in host memory, NCCL for arrays on GPUs. Called by all processes, each with the index
/// of a GPU that no other process of its machine uses. NCCL copies between GPUs without waiting for the
/// hosts, in the order of the current stream. Throws Error if it reports one.
std::unique_ptr<Processes> join_by_nccl(Processes& hosts, Device device);

}  // namespace dnsp::tools
