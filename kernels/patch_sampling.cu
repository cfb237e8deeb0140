#include "kernels/patch_sampling.hpp"

#include "kernels/simt/simt.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256;

// A block owns a patch; neighbouring threads write neighbouring pixels. Each thread draws the window and the
// symmetry itself: ten rounds of Philox cost less than a barrier. Bound by the latency of reads, which a
// transposition scatters over the rows of the slice.
__global__ void __launch_bounds__(threads)
    cut_patches(const PatchSampling sampling, const StepPosition* position, const std::uint32_t* order,
                const SliceEntry* slices, const CornerEntry* corners, const float* input_slices,
                const float* target_slices, float* input, float* target) {
    const std::uint32_t which = order[first_patch(sampling, position->step) + blockIdx.x];
    const PatchChoice choice = choose_patch(sampling, position->epoch, which, slices, corners);
    const SliceEntry slice = slices[choice.slice];
    const std::int32_t pixels = sampling.patch * sampling.patch;
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * pixels;
    for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < pixels; i += threads) {
        const std::int64_t source =
            source_pixel(sampling, choice, slice, i / sampling.patch, i % sampling.patch);
        for (std::int32_t c = 0; c < sampling.channels; ++c)
            input[(first + i) * sampling.channels + c] = input_slices[source * sampling.channels + c];
        target[first + i] = target_slices[source];
    }
}

}  // namespace

void sample_patches(const PatchSampling& sampling, const StepPosition* position, const std::uint32_t* order,
                    const SliceEntry* slices, const CornerEntry* corners, const float* input_slices,
                    const float* target_slices, float* input, float* target) {
    simt::launch(cut_patches, static_cast<unsigned>(sampling.batch), threads, 0, sampling, position, order,
                 slices, corners, input_slices, target_slices, input, target);
}

}  // namespace dnsp::kernels::cuda
