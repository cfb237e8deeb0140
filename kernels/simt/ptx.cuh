#pragma once

// The only place for PTX: one file for each group of instructions. Each wrapper holds the device version
// (inline assembly) and the CUDA emulator's version (plain C++ on the values of the warp's lanes). Warp-wide
// wrappers require whole warps.
#include "kernels/simt/ptx/async_copies.cuh"
#include "kernels/simt/ptx/barriers.cuh"
#include "kernels/simt/ptx/bulk_copies.cuh"
#include "kernels/simt/ptx/warp_products.cuh"
#include "kernels/simt/ptx/warpgroup_products.cuh"
