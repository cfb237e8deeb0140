#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/conv2d/cuda/cublas.hpp"
#include "kernels/conv2d/cuda/cudnn.hpp"
#include "kernels/conv2d/cuda/wgmma.hpp"

namespace dnsp::kernels::cuda {
namespace {

Conv2dOptions& options() {
    static Conv2dOptions instance;
    return instance;
}

}  // namespace

const Conv2dOptions& conv2d_options() { return options(); }

void set_conv2d_options([[maybe_unused]] const Conv2dOptions& wanted) {
#if DNSP_HAS_CUDA
    if (wanted.backend == Conv2dBackend::cudnn)
        require(detail::cudnn_available(),
                "[conv2d] cuDNN cannot be used: " + detail::cudnn_unavailable_reason());
    if (wanted.backend == Conv2dBackend::cublas) detail::open_cublas();
    options() = wanted;
#else
    throw Error("[cuda] " + simt::unavailable_reason());
#endif
}

bool conv2d_stores_bfloat16([[maybe_unused]] std::int64_t in_channels,
                            [[maybe_unused]] std::int64_t out_channels) {
#if DNSP_HAS_CUDA
    return options().backend == Conv2dBackend::native && options().precision == Conv2dPrecision::bfloat16 &&
           detail::wgmma_supports({1, 8, 8, in_channels, out_channels, 3, 3});
#else
    return false;
#endif
}

}  // namespace dnsp::kernels::cuda
