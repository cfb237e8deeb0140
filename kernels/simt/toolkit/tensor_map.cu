#include "kernels/simt/tensor_map.hpp"

#include <cuda.h>
#include <cudaTypedefs.h>

#include "base/device/toolkit/check.hpp"

namespace dnsp::simt {
namespace {

/// Looks the function up in the installed driver. Programs are not linked with it, so that they start without
/// one.
PFN_cuTensorMapEncodeTiled_v12000 find_encoder() {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found{};
    CUDA_CHECK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault,
                                                &found));
    require(found == cudaDriverEntryPointSuccess && function,
            "[cuda] bulk tensor copies need a driver of CUDA 12.0 or later");
    return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function);
}

}  // namespace

TensorMap make_tensor_map(const void* array, const std::array<std::int64_t, 4>& extents,
                          const std::array<int, 4>& box) {
    static const auto encode = find_encoder();
    // Driver functions need a context. Runtime functions create it on demand.
    int device = 0;
    CUDA_CHECK(cudaGetDevice(&device));
    CUDA_CHECK(cudaSetDevice(device));
    constexpr cuuint32_t rank = 4;
    cuuint64_t dimensions[rank], strides[rank - 1];
    cuuint32_t box_dimensions[rank], element_strides[rank];
    cuuint64_t stride = 2;
    for (std::size_t i = 0; i < rank; ++i) {
        dimensions[i] = static_cast<cuuint64_t>(extents[i]);
        box_dimensions[i] = static_cast<cuuint32_t>(box[i]);
        element_strides[i] = 1;
        stride *= dimensions[i];
        if (i + 1 < rank) strides[i] = stride;
    }
    static_assert(sizeof(CUtensorMap) == sizeof(TensorMap) && alignof(CUtensorMap) <= alignof(TensorMap));
    TensorMap map;
    const CUresult result = encode(reinterpret_cast<CUtensorMap*>(&map), CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
                                   rank, const_cast<void*>(array), dimensions, strides, box_dimensions,
                                   element_strides, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                   CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    require(result == CUDA_SUCCESS, "[cuda] the driver refuses a tensor map (CUresult " +
                                        std::to_string(static_cast<int>(result)) +
                                        "): the array or box is unsupported by bulk tensor copies");
    return map;
}

}  // namespace dnsp::simt
