#include <algorithm>

#include "kernels/conv2d/cuda/partial_sums.hpp"
#include "kernels/conv2d/cuda/wgmma.cuh"
#include "kernels/conv2d/cuda/wgmma.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

// weight_gradient[o, tap, c] = scale · Σ_pixel gradient[pixel, o] · input[pixel + tap, c], as a GEMM: rows
// are output channels, the inner index runs through the pixels of a box, columns are up to three vertically
// adjacent taps × 64 input channels. These taps share a taller box of the input: the pixels of a tap lie a
// whole number of patterns after those of the tap above, which is the leading offset of the descriptor. TMA
// fills pixels outside the image with zeros.
constexpr int box_pixels = 80, stages = 4;

/// A block of `warpgroups` multiplying warpgroups with 64 · `tiles` output channels each, and one copying
/// warpgroup.
template <int warpgroups_, int tiles_, int taps_, int resident_, int multiplying_registers_>
struct Blocking {
    static constexpr int warpgroups = warpgroups_, tiles = tiles_;
    static constexpr int taps = taps_;          ///< vertically adjacent taps
    static constexpr int resident = resident_;  ///< blocks per SM
    static constexpr int copying_registers = 24, multiplying_registers = multiplying_registers_;
    static constexpr int threads = (warpgroups + 1) * warpgroup_threads, slabs = warpgroups * tiles,
                         channels = slabs * slab_channels, columns = taps * slab_channels;
    static constexpr int max_input_rows = taps == 1 ? box_pixels : 112;
    static constexpr int slab_bytes = box_pixels * row_bytes, input_at = slabs * slab_bytes,
                         stage_bytes = input_at + max_input_rows * row_bytes,
                         shared_bytes = stages * stage_bytes;
};

struct Problem {
    int kernel_height, kernel_width, in_channels, out_channels;
    PixelBoxes boxes;
    int box_count;  ///< boxes of all images
    int channel_blocks, input_slabs,
        tap_groups;     ///< blocks of output channels, slabs of input channels, groups of taps of a kernel
                        ///< column
    int tiles, splits;  ///< blocks per split; splits of the pixels
};

/// The work of a block.
struct Part {
    int out_channel, in_channel, tap_x, tap_y, split, first_box, end_box;

    template <class B>
    static __device__ __forceinline__ Part of_block(const Problem& p) {
        int rest = static_cast<int>(blockIdx.x);
        const auto take = [&](int count) {
            const int index = rest % count;
            rest /= count;
            return index;
        };
        Part part{};
        part.out_channel = take(p.channel_blocks) * B::channels;
        part.tap_x = take(p.kernel_width);
        part.tap_y = take(p.tap_groups) * B::taps;
        part.in_channel = take(p.input_slabs) * slab_channels;
        part.split = rest;
        const auto boxes = std::int64_t{p.box_count};
        part.first_box = static_cast<int>(boxes * part.split / p.splits);
        part.end_box = static_cast<int>(boxes * (part.split + 1) / p.splits);
        return part;
    }
};

/// Run by one thread: keeps the ring filled.
template <class B>
__device__ __forceinline__ void copy(const Problem& p, const Part& part, const simt::TensorMap& input,
                                     const simt::TensorMap& gradient, unsigned char* memory,
                                     const RingBarriers<stages>& barriers) {
    const int rows = B::slabs * box_pixels + p.boxes.width * (p.boxes.height + B::taps - 1);
    Ring<stages> ring;
    for (int box = part.first_box; box < part.end_box; ++box, ring.advance()) {
        const auto place = p.boxes.place(box);
        unsigned char* const stage = memory + ring.stage * B::stage_bytes;
        std::uint64_t* const full = barriers.begin_copies(ring, rows * row_bytes);
        for (int slab = 0; slab < B::slabs; ++slab)
            simt::load_box(stage + slab * B::slab_bytes, gradient, full,
                           part.out_channel + slab * slab_channels, place.x, place.y, place.image);
        simt::load_box(stage + B::input_at, input, full, part.in_channel,
                       place.x + part.tap_x - p.kernel_width / 2, place.y + part.tap_y - p.kernel_height / 2,
                       place.image);
    }
}

template <class B>
__device__ __forceinline__ void multiply(const Problem& p, const Part& part, const unsigned char* memory,
                                         const RingBarriers<stages>& barriers, float* partial) {
    const int group = in_common(static_cast<int>(threadIdx.x) / warpgroup_threads) - 1;
    const int warp = static_cast<int>(threadIdx.x) / 32 % 4, lane = static_cast<int>(threadIdx.x) % 32;
    const auto bytes_between_taps = static_cast<std::uint32_t>(p.boxes.width * row_bytes);

    float sums[B::tiles][B::columns / 2];
    Ring<stages> ring;
    int last = 0;  // stage of the previous box
    for (int box = part.first_box; box < part.end_box; ++box) {
        barriers.wait_for_copies(ring);
        const unsigned char* const stage = memory + ring.stage * B::stage_bytes;
        const auto a = simt::matrix_descriptor(stage + group * B::tiles * B::slab_bytes);
        const auto b = simt::matrix_descriptor(stage + B::input_at, bytes_between_taps);
        simt::wgmma_fence();
#pragma unroll
        for (int k = 0; k < box_pixels * row_bytes; k += 16 * row_bytes)  // 16 pixels
#pragma unroll
            for (int i = 0; i < B::tiles; ++i)
                simt::wgmma_bf16<B::columns, simt::Runs::across, simt::Runs::across>(
                    sums[i], simt::advanced(a, i * B::slab_bytes + k), simt::advanced(b, k),
                    box > part.first_box || k > 0);
        simt::wgmma_commit();
        simt::wgmma_wait<1>();  // for the previous box
        if (box > part.first_box && lane == 0) barriers.release(last);
        last = ring.stage;
        ring.advance();
    }
    simt::wgmma_wait<0>();
#pragma unroll
    for (int i = 0; i < B::tiles; ++i) simt::settle(sums[i]);

    const int taps = p.kernel_height * p.kernel_width;
#pragma unroll
    for (int i = 0; i < B::tiles; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int out =
                part.out_channel + (group * B::tiles + i) * slab_channels + 16 * warp + 8 * half + lane / 4;
            float* const row =
                partial +
                ((std::int64_t{part.split} * p.out_channels + out) * taps + part.tap_x) * p.in_channels +
                part.in_channel + lane % 4 * 2;
#pragma unroll
            for (int j = 0; j < B::columns / 8; ++j) {
                const int tap_y = part.tap_y + j / 8;
                if (tap_y < p.kernel_height)
                    *reinterpret_cast<float2*>(row + tap_y * p.kernel_width * p.in_channels + j % 8 * 8) = {
                        sums[i][4 * j + 2 * half], sums[i][4 * j + 2 * half + 1]};
            }
        }
}

/// A block owns 256, 128 or 64 output channels × 64 input channels × up to three vertically adjacent taps,
/// and one split of the pixels. Each multiplying warpgroup owns an equal part of the output channels. One
/// thread of the copying warpgroup prefetches the next boxes of pixels. A second kernel adds the splits in
/// order. Bound by the tensor cores, followed by L2.
template <class B>
__global__ void __launch_bounds__(B::threads, B::resident)
    conv2d_backward_weight_wgmma(const Problem p, const __grid_constant__ simt::TensorMap input,
                                 const __grid_constant__ simt::TensorMap gradient, float* partial) {
    __shared__ simt::SharedArray<std::uint64_t, 2 * stages> full_and_empty;
    unsigned char* const memory = simt::dynamic_shared<unsigned char>(B::shared_bytes).data();
    const RingBarriers<stages> barriers{full_and_empty.data(), full_and_empty.data() + stages};
    if (threadIdx.x == 0) {
        barriers.initialise(4 * B::warpgroups);
        simt::mbarrier_fence_init();
    }
    __syncthreads();
    const Part part = Part::of_block<B>(p);
    if (threadIdx.x < warpgroup_threads) {
        simt::setmaxnreg_dec<B::copying_registers>();
        if (threadIdx.x == 0) copy<B>(p, part, input, gradient, memory, barriers);
    } else {
        simt::setmaxnreg_inc<B::multiplying_registers>();
        multiply<B>(p, part, memory, barriers, partial);
    }
}

template <class B>
void launch_blocks(const Conv2dShape& s, const Conv2dBackwardWeight<bfloat16>& pass) {
    const BiasGradient<float> bias(s, pass);
    constexpr int min_boxes = 2;  // enough to outweigh the sums of another split
    Problem p{};
    p.kernel_height = static_cast<int>(s.kernel_height);
    p.kernel_width = static_cast<int>(s.kernel_width);
    p.in_channels = static_cast<int>(s.in_channels);
    p.out_channels = static_cast<int>(s.out_channels);
    p.channel_blocks = p.out_channels / B::channels;
    p.input_slabs = p.in_channels / slab_channels;
    p.tap_groups = (p.kernel_height + B::taps - 1) / B::taps;
    p.tiles = p.channel_blocks * p.input_slabs * p.tap_groups * p.kernel_width;
    if (s.pixels() > 0) {
        p.boxes =
            cut_into_boxes(s, box_pixels, [](int width, int height, std::int64_t boxes) -> std::int64_t {
                const int input_rows = width * (height + B::taps - 1);
                if (width * height != box_pixels || input_rows > B::max_input_rows) return -1;
                return boxes * (B::slabs * box_pixels + input_rows);  // rows copied
            });
        p.box_count = p.boxes.across * p.boxes.down * static_cast<int>(s.batch);
        p.splits = std::clamp(B::resident * simt::multiprocessor_count() / p.tiles, 1,
                              std::max(1, p.box_count / min_boxes));
    }
    const simt::Workspace<float> partial(p.splits * s.weight_elements());
    if (p.splits > 0)
        simt::launch(conv2d_backward_weight_wgmma<B>, dim3(static_cast<unsigned>(p.tiles * p.splits)),
                     dim3(B::threads), B::shared_bytes, p,
                     image_map(s, pass.input, s.in_channels, p.boxes, p.boxes.height + B::taps - 1),
                     image_map(s, pass.output_gradient, s.out_channels, p.boxes, p.boxes.height),
                     partial.data());
    add_partial_sums(PartialSums<float, float>{s.weight_elements(), p.splits, pass.scale, partial.data(),
                                               pass.weight_gradient},
                     bias.partial_sums());
}

template <int taps>
void choose_blocks(const Conv2dShape& s, const Conv2dBackwardWeight<bfloat16>& pass) {
    if (s.out_channels % 256 == 0)
        launch_blocks<Blocking<2, 2, taps, 1, 240>>(s, pass);
    else if (s.out_channels % 128 == 0)
        launch_blocks<Blocking<2, 1, taps, 1, 240>>(s, pass);
    else
        launch_blocks<Blocking<1, 1, taps, 2, 208>>(s, pass);
}

}  // namespace

void wgmma_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<bfloat16>& pass) {
    if (s.kernel_height == 1)
        choose_blocks<1>(s, pass);
    else
        choose_blocks<3>(s, pass);
}

}  // namespace dnsp::kernels::cuda::detail
