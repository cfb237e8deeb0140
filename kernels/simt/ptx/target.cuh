#pragma once

// Lets code compile for devices without an instruction. Must not be reached there.
#if defined(__CUDACC__)
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define DNSP_PTX_SM_80(...) __trap()
#else
#define DNSP_PTX_SM_80(...) asm volatile(__VA_ARGS__)
#endif
// For 9.0 only: later devices do not have wgmma.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define DNSP_PTX_SM_90A(...) asm volatile(__VA_ARGS__)
#else
#define DNSP_PTX_SM_90A(...) __trap()
#endif
#endif
