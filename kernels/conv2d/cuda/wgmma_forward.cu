#include <algorithm>

#include "kernels/conv2d/cuda/wgmma.hpp"
#include "kernels/conv2d/cuda/wgmma_forward.cuh"
#include "kernels/conv2d/cuda/widened.hpp"
#include "kernels/simt/grid.hpp"
#include "kernels/simt/hopper.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda::detail {
namespace {

using namespace wgmma;

/// A persistent block processes tiles: a box of at most 200 pixels × 256, 128 or 64 output channels. Each
/// multiplying warpgroup owns an equal part of the channels, a thread 4 elements of every 64 × 8. One thread
/// of the copying warpgroup prefetches the next steps, also across tiles. Bound by the tensor cores, followed
/// by L2.
template <class B>
__global__ void __launch_bounds__(B::threads, B::resident)
    conv2d_forward_wgmma(const __grid_constant__ Problem p, const __grid_constant__ Maps maps) {
    constexpr int pixel_barriers = 2 * pixel_stages, weight_barriers = 2 * B::weight_stages;
    __shared__ simt::SharedArray<std::uint64_t, pixel_barriers + weight_barriers + B::warpgroups> barriers;
    unsigned char* const memory = simt::dynamic_shared<unsigned char>(B::shared_bytes).data();
    std::uint64_t* const barrier = barriers.data();
    const Shared<B> shared{
        memory + B::pixels_at,
        memory + B::weights_at,
        memory + B::staging_at,
        {barrier, barrier + pixel_stages},
        {barrier + pixel_barriers, barrier + pixel_barriers + B::weight_stages},
        barrier + pixel_barriers + weight_barriers,
    };
    if (threadIdx.x == 0) {
        shared.pixel_ring.initialise(4 * B::warpgroups);
        shared.weight_ring.initialise(4 * B::warpgroups);
        for (int group = 0; group < B::warpgroups; ++group) simt::mbarrier_init(shared.companions + group, 1);
        simt::mbarrier_fence_init();
    }
    __syncthreads();
    if (threadIdx.x < warpgroup_threads) {
        simt::setmaxnreg_dec<B::copying_registers>();
        if (threadIdx.x == 0) copy<B>(p, maps, shared);
    } else {
        simt::setmaxnreg_inc<B::multiplying_registers>();
        Multiplier<B>{p, maps, shared}.run();
    }
}

/// packed[tap][out][in] = weight[out][tap][in], rounded. `backward`: packed[flipped tap][in][out]. `in` and
/// `out` count the channels of the packed weights. A thread packs 8 input channels. Neighbouring threads read
/// neighbouring weights: of the next input channels forward, of the next output channel backward.
__global__ void pack_weight(const float* __restrict__ weight, int taps, int in_channels, int out_channels,
                            bool backward, uint4* __restrict__ packed) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), chunks = in_channels / 8,
              tap = i / (out_channels * chunks), rest = i % (out_channels * chunks),
              out = backward ? rest % out_channels : rest / chunks,
              in = 8 * (backward ? rest / out_channels : rest % chunks);
    if (tap >= taps) return;
    const std::int64_t from = backward ? (std::int64_t{in} * taps + taps - 1 - tap) * out_channels + out
                                       : (std::int64_t{out} * taps + tap) * in_channels + in;
    const std::int64_t between = backward ? std::int64_t{taps} * out_channels : 1;
    float v[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) v[k] = weight[from + k * between];
    packed[((std::int64_t{tap} * out_channels + out) * in_channels + in) / 8] = {
        simt::pack_bfloat16x2(v[0], v[1]), simt::pack_bfloat16x2(v[2], v[3]),
        simt::pack_bfloat16x2(v[4], v[5]), simt::pack_bfloat16x2(v[6], v[7])};
}

/// `s` is the convolution to run.
PixelBoxes boxes_for(const Conv2dShape& s) {
    const int more_rows = static_cast<int>(s.kernel_height) - 1;
    return cut_into_boxes(s, columns, [&](int width, int height, std::int64_t boxes) -> std::int64_t {
        // wgmma also multiplies the columns after the last pixel.
        if (more_rows * width + columns > box_rows) return -1;
        return boxes * box_rows + width * (height + more_rows);
    });
}

template <class B>
void launch_blocks(const Conv2dShape& s, Problem p, const bfloat16* input, const bfloat16* packed_weight,
                   const bfloat16* companion, bfloat16* output) {
    p.channel_blocks = static_cast<int>(s.out_channels) / B::channels;
    p.tiles = p.boxes.across * p.boxes.down * static_cast<int>(s.batch) * p.channel_blocks;
    const std::int64_t taps = s.kernel_height * s.kernel_width;
    const auto map = [&](const bfloat16* images, std::int64_t channels, std::int64_t more_rows) {
        return image_map(s, images, channels, p.boxes, p.boxes.height + static_cast<int>(more_rows));
    };
    const Maps maps{.input = map(input, s.in_channels, s.kernel_height - 1),
                    .weight = simt::make_tensor_map(packed_weight, {s.in_channels, s.out_channels, taps, 1},
                                                    {slab_channels, B::channels, 1, 1}),
                    .companion = map(companion ? companion : output, s.out_channels, 0),
                    .output = map(output, s.out_channels, 0)};
    const int grid = std::min(p.tiles, B::resident * simt::multiprocessor_count());
    simt::launch(conv2d_forward_wgmma<B>, dim3(static_cast<unsigned>(grid)), dim3(B::threads),
                 B::shared_bytes, p, maps);
}

/// `s` is the convolution to run. `backward`: `weight` belongs to the forward pass.
void convolve(const Conv2dShape& s, const bfloat16* input, const float* weight, bool backward,
              const float* bias, double scale, bool relu, Companion companion_is, const bfloat16* companion,
              bfloat16* output) {
    if (s.pixels() == 0) return;
    const simt::Workspace<bfloat16> packed(s.weight_elements());
    simt::launch(pack_weight, dim3(simt::blocks_for(s.weight_elements() / 8, 128)), dim3(128), 0, weight,
                 static_cast<int>(s.kernel_height * s.kernel_width), static_cast<int>(s.in_channels),
                 static_cast<int>(s.out_channels), backward, reinterpret_cast<uint4*>(packed.data()));
    const Problem p{.slabs = static_cast<int>(s.in_channels) / slab_channels,
                    .kernel_height = static_cast<int>(s.kernel_height),
                    .kernel_width = static_cast<int>(s.kernel_width),
                    .boxes = boxes_for(s),
                    .channel_blocks = 0,
                    .tiles = 0,
                    .scale = static_cast<float>(scale),
                    .relu = relu,
                    .companion = companion ? companion_is : Companion::none,
                    .bias = bias};
    if (s.out_channels % Channels256::channels == 0)
        launch_blocks<Channels256>(s, p, input, packed.data(), companion, output);
    else if (s.out_channels % Channels128::channels == 0)
        launch_blocks<Channels128>(s, p, input, packed.data(), companion, output);
    else
        launch_blocks<Channels64>(s, p, input, packed.data(), companion, output);
}

}  // namespace

bool wgmma_supports(const Conv2dShape& s) {
    const auto in_slabs = [](std::int64_t channels) { return channels > 0 && channels % slab_channels == 0; };
    return in_slabs(s.in_channels) && in_slabs(s.out_channels) && s.pixels() < 1 << 30 &&
           s.weight_elements() < 1 << 28 && (s.kernel_height - 1) * pattern_rows + columns <= box_rows &&
           simt::has_hopper_instructions();
}

void wgmma_forward(const Conv2dShape& s, const Conv2dForward<bfloat16>& pass) {
    convolve(s, pass.input, pass.weight, false, pass.bias, pass.epilogue.scale,
             pass.epilogue.activation == Activation::relu, Companion::residual, pass.epilogue.residual,
             pass.output);
}

void wgmma_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<bfloat16>& pass) {
    if (pass.relu_output && pass.accumulate) return widened_backward_input(s, pass);
    convolve(s.backward(), pass.output_gradient, pass.weight, true, nullptr, pass.scale, false,
             pass.accumulate ? Companion::residual : Companion::relu_output,
             pass.accumulate ? pass.accumulate : pass.relu_output, pass.input_gradient);
}

}  // namespace dnsp::kernels::cuda::detail
