#include "kernels/patch_sampling.hpp"

namespace dnsp::kernels::cpu {

void sample_patches(const PatchSampling& s, const StepPosition* position, const std::uint32_t* order,
                    const SliceEntry* slices, const CornerEntry* corners, const float* input_slices,
                    const float* target_slices, float* input, float* target) {
    const std::int64_t epoch = position->epoch, first = first_patch(s, position->step);
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const PatchChoice choice = choose_patch(s, epoch, order[first + b], slices, corners);
        std::int64_t out = b * s.patch * s.patch;
        for (std::int32_t y = 0; y < s.patch; ++y)
            for (std::int32_t x = 0; x < s.patch; ++x, ++out) {
                const std::int64_t in = source_pixel(s, choice, slices[choice.slice], y, x);
                for (std::int32_t c = 0; c < s.channels; ++c)
                    input[out * s.channels + c] = input_slices[in * s.channels + c];
                target[out] = target_slices[in];
            }
    }
}

}  // namespace dnsp::kernels::cpu
