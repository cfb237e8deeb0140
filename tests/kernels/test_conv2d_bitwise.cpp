// An output pixel of a convolution depends bitwise on the input pixels under the kernel alone. It does not
// depend on the size of the image, the place of the pixel in a kernel's tile, the other images of the batch,
// or the number of threads. Tiled inference needs this. scripts/test_bitwise builds this file for several
// instruction sets with two compilers.
#include <omp.h>

#include "tests/kernels/conv2d_check.hpp"
#include "tests/kernels/conv2d_passes.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// Of two images of 22 × 61 pixels. A pixel lies at another place of a kernel's tile in each of them.
const std::vector<Part> parts_on_cpu{{0, 0, 0, 22, 61}, {1, 0, 0, 22, 61},  {1, 4, 4, 18, 57},
                                     {0, 0, 8, 17, 31}, {1, 8, 12, 14, 49}, {0, 1, 1, 20, 59},
                                     {1, 3, 2, 19, 55}, {0, 2, 3, 13, 29},  {1, 5, 5, 12, 43},
                                     {0, 0, 6, 21, 24}, {1, 1, 7, 11, 54}};
/// Of two images of 13 × 23 pixels: the emulator is slow.
const std::vector<Part> parts_on_cuda{
    {1, 0, 0, 13, 23}, {0, 1, 2, 11, 17}, {1, 2, 5, 10, 18}, {1, 3, 3, 9, 19}};

/// Kernels may compute aligned tiles of `alignment` × `alignment` pixels at once. The bits of a pixel are
/// promised where the part holds everything that its tile reads of the whole image.
bool is_promised(const Part& part, const Conv2dShape& whole, int alignment, std::int64_t y, std::int64_t x) {
    const auto along = [&](std::int64_t at, std::int64_t first_of_part, std::int64_t size,
                           std::int64_t whole_size, std::int64_t kernel) {
        const std::int64_t first = at / alignment * alignment, end = first + alignment;
        return (first >= kernel / 2 || first_of_part == 0) &&
               (end + kernel / 2 <= size || first_of_part + size == whole_size);
    };
    return along(y, part.top, part.height, whole.height, whole.kernel_height) &&
           along(x, part.left, part.width, whole.width, whole.kernel_width);
}

enum class Passes { all, forward };

template <class T>
void check_parts(On where, const Problem<T>& problem, int alignment, const std::vector<Part>& parts,
                 Passes passes = Passes::all) {
    const Conv2dShape& shape = problem.shape;
    INFO(shape.in_channels << " → " << shape.out_channels << " channels, " << shape.kernel_height << "×"
                           << shape.kernel_width);
    const auto whole = all_passes(where, problem);
    for (const Part& part : parts) {
        if (part.top % alignment != 0 || part.left % alignment != 0) continue;
        INFO(part.text());
        const auto of_part = all_passes(where, problem.cut(part));
        for (std::size_t pass = 0; pass < whole.size(); ++pass) {
            if (passes == Passes::forward && !whole[pass].pass.starts_with("forward")) continue;
            std::int64_t compared = 0, differ = 0;
            const auto &a = of_part[pass].images, &b = whole[pass].images;
            for (std::int64_t y = 0; y < part.height; ++y)
                for (std::int64_t x = 0; x < part.width; ++x) {
                    if (!is_promised(part, shape, alignment, y, x)) continue;
                    ++compared;
                    differ += std::memcmp(a.pixel(0, y, x), b.pixel(part.image, part.top + y, part.left + x),
                                          static_cast<std::size_t>(a.channels) * sizeof(T)) != 0;
                }
            INFO(whole[pass].pass);
            CHECK(compared > 0);
            CHECK(differ == 0);
        }
    }
}

/// A convolution's channels and kernel.
struct Layer {
    std::int64_t in, out, kernel_height, kernel_width;
    Conv2dShape over(std::int64_t batch, std::int64_t height, std::int64_t width) const {
        return {batch, height, width, in, out, kernel_height, kernel_width};
    }
};

const std::vector<Layer> winograd{{16, 16, 3, 3}, {32, 48, 3, 3}, {64, 64, 3, 3}, {16, 80, 3, 3}};
const std::vector<Layer> pointwise{{16, 16, 1, 1}, {64, 32, 1, 1}, {32, 48, 1, 1}};
const std::vector<Layer> single_channel{{1, 16, 3, 5},  {16, 1, 3, 5}, {21, 1, 5, 3},
                                        {1, 48, 9, 9},  {48, 1, 5, 5}, {1, 64, 9, 9},
                                        {64, 1, 1, 11}, {1, 32, 1, 1}, {32, 1, 1, 1}};
/// Channels that fill no vectors, and other kernels.
const std::vector<Layer> direct{{5, 6, 3, 3},   {3, 3, 3, 3},   {1, 5, 3, 3},   {5, 1, 3, 3},
                                {7, 24, 3, 3},  {20, 20, 3, 3}, {72, 24, 3, 3}, {24, 40, 3, 3},
                                {12, 1, 5, 5},  {1, 12, 9, 9},  {1, 1, 3, 3},   {5, 7, 1, 1},
                                {24, 20, 1, 1}, {16, 16, 5, 5}, {32, 16, 1, 3}};

void check_layers_on_cpu(const std::vector<Layer>& layers, int alignment) {
    for (const Layer& layer : layers)
        check_parts(On::cpu, Problem<float>::random(layer.over(2, 22, 61)), alignment, parts_on_cpu);
}

template <class T>
void check_layers_on_cuda(const std::vector<Layer>& layers, kernels::Conv2dPrecision precision) {
    const WithOptions options({kernels::Conv2dBackend::ours, precision});
    for (const Layer& layer : layers)
        check_parts(On::cuda, Problem<T>::random(layer.over(2, 13, 23)), kernels::cuda::conv2d_alignment,
                    parts_on_cuda);
}

using kernels::Conv2dPrecision;

}  // namespace

TEST_CASE("a pixel has the same bits in an image and in a part of it: Winograd") {
    check_layers_on_cpu(winograd, kernels::cpu::conv2d_alignment);
}

TEST_CASE("a pixel has the same bits in an image and in a part of it: pointwise") {
    check_layers_on_cpu(pointwise, 1);
}

TEST_CASE("a pixel has the same bits in an image and in a part of it: single channel") {
    check_layers_on_cpu(single_channel, 1);
}

TEST_CASE("a pixel has the same bits in an image and in a part of it: direct") {
    check_layers_on_cpu(direct, 1);
    const std::vector<Part> narrow{{1, 0, 0, 40, 7}, {0, 1, 0, 21, 7}, {1, 3, 0, 32, 7}, {0, 6, 0, 34, 7}};
    for (const Layer& layer : {Layer{1, 12, 9, 9}, {5, 6, 3, 9}, {12, 1, 1, 9}, {16, 24, 3, 11}})
        check_parts(On::cpu, Problem<float>::random(layer.over(2, 40, 7)), 1, narrow);
}

TEST_CASE("a pixel has the same bits in an image and in a part of it: tiled, cuda") {
    DNSP_REQUIRE_CUDA();
    const std::vector<Layer> layers{{5, 6, 3, 5}, {3, 3, 3, 3}, {4, 8, 3, 3}, {7, 66, 1, 3}, {70, 5, 1, 1}};
    check_layers_on_cuda<float>(layers, Conv2dPrecision::float32);
    check_layers_on_cuda<double>(layers, Conv2dPrecision::float32);
}

TEST_CASE("a pixel has the same bits in an image and in a part of it: single channel, cuda") {
    DNSP_REQUIRE_CUDA();
    const std::vector<Layer> layers{{1, 8, 3, 5}, {8, 1, 3, 5}, {1, 36, 9, 9}, {36, 1, 5, 5}, {1, 1, 3, 3}};
    check_layers_on_cuda<float>(layers, Conv2dPrecision::float32);
    check_layers_on_cuda<double>(layers, Conv2dPrecision::float32);
}

TEST_CASE("a pixel has the same bits in an image and in a part of it: tensor cores, cuda") {
    DNSP_REQUIRE_CUDA();
    for (const auto precision : {Conv2dPrecision::tf32, Conv2dPrecision::bfloat16})
        check_layers_on_cuda<float>({{8, 16, 3, 5}, {24, 72, 1, 3}, {40, 8, 3, 3}}, precision);
}

TEST_CASE("a pixel has the same bits in an image and in a part of it: stored as bfloat16, cuda") {
    DNSP_REQUIRE_CUDA();
    // The first by wgmma where the device has it, the others between copies in float.
    check_layers_on_cuda<bfloat16>({{64, 64, 3, 3}, {5, 6, 3, 3}, {8, 16, 1, 3}}, Conv2dPrecision::bfloat16);
}

TEST_CASE("the epilogue rounds the same wherever a pixel lies: stored as bfloat16, cuda") {
    DNSP_REQUIRE_CUDA();
    const WithOptions options({kernels::Conv2dBackend::ours, Conv2dPrecision::bfloat16});
    auto problem = Problem<bfloat16>::random({2, 13, 23, 64, 64, 3, 3});
    // Of an image of ones with biases that cancel the sums, rounding is all that is left.
    for (bfloat16& value : problem.input.values) value = bfloat16(1.0f);
    const auto taps = static_cast<std::size_t>(problem.shape.weight_elements() / problem.shape.out_channels);
    problem.bias.clear();
    for (auto weight = problem.weight.begin(); weight != problem.weight.end();
         weight += static_cast<std::ptrdiff_t>(taps)) {
        double sum = 0.0;
        for (std::size_t tap = 0; tap < taps; ++tap)
            sum += static_cast<double>(static_cast<float>(weight[tap]));
        problem.bias.push_back(static_cast<float>(-sum));
    }
    check_parts(On::cuda, problem, kernels::cuda::conv2d_alignment, parts_on_cuda, Passes::forward);
}

TEST_CASE("images and gradients of a convolution do not depend on the number of threads") {
    const int before = omp_get_max_threads();
    for (const auto& layers : {winograd, pointwise, single_channel, direct})
        for (const Layer& layer : layers) {
            INFO(layer.in << " → " << layer.out << " channels, " << layer.kernel_height << "×"
                          << layer.kernel_width);
            const auto problem = Problem<float>::random(layer.over(3, 22, 61));
            omp_set_num_threads(1);
            const auto expected = all_passes(On::cpu, problem);
            for (const int threads : {2, 3, 4}) {
                INFO(threads << " threads");
                omp_set_num_threads(threads);
                const auto results = all_passes(On::cpu, problem);
                for (std::size_t pass = 0; pass < results.size(); ++pass) {
                    INFO(results[pass].pass);
                    CHECK(reference::same_bits(results[pass].images.values, expected[pass].images.values));
                }
            }
        }
    omp_set_num_threads(before);
}
