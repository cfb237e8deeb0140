#include "kernels/total_variation.hpp"

#include "kernels/simt/grid.hpp"
#include "kernels/simt/reduce.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256, pixels_per_block = 1024;

/// The differences below and to the right of a pixel, and the smoothed gradient length there.
struct Slope {
    double down, right, length;
};
template <class T>
__device__ __forceinline__ Slope slope(const TotalVariationShape& s, const T* image, std::int64_t y,
                                       std::int64_t x) {
    const T* here = image + y * s.width + x;
    const double down = y + 1 < s.height ? static_cast<double>(here[s.width]) - here[0] : 0.0;
    const double right = x + 1 < s.width ? static_cast<double>(here[1]) - here[0] : 0.0;
    return {down, right, sqrt(fma(down, down, fma(right, right, s.epsilon * s.epsilon)))};
}

// Σ length − ε over a block's pixels, and the gradient at each pixel. A pixel gathers the contributions of
// its own term and of those above and to the left, so that no two threads write the same element. A block
// owns 1024 consecutive pixels of one image, a thread every 256th of them. Bound by square roots and
// divisions in double.
template <class T>
__global__ void __launch_bounds__(threads)
    differentiate(const TotalVariationShape s, unsigned blocks_per_image, const T* images, T* gradients,
                  double* block_sums) {
    const std::int64_t pixels = s.height * s.width, image_index = blockIdx.x / blocks_per_image;
    const T* image = images + image_index * pixels;
    T* gradient = gradients + image_index * pixels;
    const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x % blocks_per_image) * pixels_per_block;
    const std::int64_t end = min(begin + pixels_per_block, pixels);
    double sum = 0.0;
    for (std::int64_t i = begin + threadIdx.x; i < end; i += threads) {
        const std::int64_t y = i / s.width, x = i % s.width;
        const Slope own = slope(s, image, y, x);
        sum += own.length - s.epsilon;
        double g = -(own.down + own.right) / own.length;
        if (y > 0) {
            const Slope above = slope(s, image, y - 1, x);
            g += above.down / above.length;
        }
        if (x > 0) {
            const Slope left = slope(s, image, y, x - 1);
            g += left.right / left.length;
        }
        gradient[i] = static_cast<T>(g);
    }
    sum = simt::block_sum<threads>(sum);
    if (threadIdx.x == 0) block_sums[blockIdx.x] = sum;
}

/// value[b] = the sum of the image's blocks. One block, a warp, per image.
__global__ void sum_blocks(unsigned blocks_per_image, const double* block_sums, double* value) {
    const double* own = block_sums + static_cast<std::int64_t>(blockIdx.x) * blocks_per_image;
    double sum = 0.0;
    for (unsigned i = threadIdx.x; i < blocks_per_image; i += 32) sum += own[i];
    sum = simt::warp_sum(sum);
    if (threadIdx.x == 0) value[blockIdx.x] = sum;
}

}  // namespace

template <class T>
void total_variation(const TotalVariationShape& s, const T* images, double* value, T* gradient) {
    const unsigned blocks_per_image = simt::blocks_for(s.height * s.width, pixels_per_block);
    const std::int64_t blocks = s.batch * blocks_per_image;
    const simt::Workspace<double> block_sums(blocks);
    simt::launch(differentiate<T>, static_cast<unsigned>(blocks), threads, 0, s, blocks_per_image, images,
                 gradient, block_sums.data());
    simt::launch(sum_blocks, static_cast<unsigned>(s.batch), 32, 0, blocks_per_image, block_sums.data(),
                 value);
}

DNSP_INSTANTIATE(total_variation);

}  // namespace dnsp::kernels::cuda
