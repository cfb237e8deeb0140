// An output pixel of a convolution depends bitwise on the input pixels under the kernel only: not on the
// image size, its position in a kernel's tile, the other images of the batch, or the number of threads. Tiled
// inference relies on this. scripts/test_bitwise builds this file for several instruction sets with two
// compilers.
#include <omp.h>

#include "tests/kernels/conv2d_passes.hpp"
#include "tests/kernels/cpu_precision.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// Parts of two images of 22 × 61 pixels. A pixel has a different position in a kernel's tile in each part.
const std::vector<Part> parts_on_cpu{{0, 0, 0, 22, 61}, {1, 0, 0, 22, 61},  {1, 4, 4, 18, 57},
                                     {0, 0, 8, 17, 31}, {1, 8, 12, 14, 49}, {0, 1, 1, 20, 59},
                                     {1, 3, 2, 19, 55}, {0, 2, 3, 13, 29},  {1, 5, 5, 12, 43},
                                     {0, 0, 6, 21, 24}, {1, 1, 7, 11, 54}};
const std::vector<Layer> winograd{{16, 16, 3, 3}, {32, 48, 3, 3}, {64, 64, 3, 3}, {16, 80, 3, 3}};
const std::vector<Layer> pointwise{{16, 16, 1, 1}, {64, 32, 1, 1}, {32, 48, 1, 1}};
const std::vector<Layer> few_channels{
    {1, 16, 3, 5}, {16, 1, 3, 5}, {21, 1, 5, 3}, {1, 32, 7, 7}, {48, 1, 5, 5}, {64, 1, 3, 3}, {64, 1, 1, 11},
    {1, 32, 1, 1}, {32, 1, 1, 1}, {64, 4, 3, 3}, {4, 64, 3, 3}, {21, 3, 3, 3}, {2, 24, 3, 1}};
/// Large kernels from few channels, in tiles; the last one in its backward pass.
const std::vector<Layer> expand{{1, 48, 9, 9}, {1, 64, 9, 9}, {3, 16, 9, 11}, {32, 1, 9, 9}};
/// Channels that do not fill vectors, and other kernels.
const std::vector<Layer> direct{{5, 6, 3, 3},   {3, 3, 3, 3},   {1, 5, 3, 3},   {5, 1, 3, 3},
                                {7, 24, 3, 3},  {20, 20, 3, 3}, {72, 24, 3, 3}, {24, 40, 3, 3},
                                {12, 1, 5, 5},  {1, 12, 9, 9},  {1, 1, 3, 3},   {5, 7, 1, 1},
                                {24, 20, 1, 1}, {16, 16, 5, 5}, {32, 16, 1, 3}};

void check_layers_on_cpu(const std::vector<Layer>& layers, int alignment) {
    for (const Layer& layer : layers)
        check_parts(On::cpu, Problem<float>::random(layer.over(2, 22, 61)), alignment, parts_on_cpu);
}

/// Multiplied in bfloat16: Winograd, direct, expand.
const std::vector<Layer> in_bfloat16{
    {16, 48, 3, 3}, {32, 64, 3, 3}, {64, 32, 1, 1}, {32, 32, 3, 5}, {1, 64, 9, 9}};

template <class T>
void check_threads(const Problem<T>& problem) {
    const Conv2dShape& s = problem.shape;
    INFO(text(s));
    const int before = omp_get_max_threads();
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
    omp_set_num_threads(before);
}

bool on_cuda() { return device_under_test() == On::cuda; }

}  // namespace

TEST_CASE("a pixel is bitwise identical in an image and in a part of it: many channels") {
    if (on_cuda()) {  // tensor cores
        for (const auto precision : {Conv2dPrecision::tf32, Conv2dPrecision::bfloat16})
            check_layers_on_cuda<float>({{8, 16, 3, 5}, {24, 72, 1, 3}, {40, 8, 3, 3}}, precision);
    } else {
        check_layers_on_cpu(winograd, kernels::cpu::conv2d_alignment);
        check_layers_on_cpu(pointwise, 1);
    }
}

TEST_CASE("a pixel is bitwise identical in an image and in a part of it: few channels") {
    if (!on_cuda()) {
        check_layers_on_cpu(few_channels, 1);
        check_layers_on_cpu(expand, kernels::cpu::conv2d_alignment);
        return;
    }
    const std::vector<Layer> layers{{1, 8, 3, 5}, {8, 1, 3, 5}, {1, 36, 9, 9}, {36, 1, 5, 5}, {1, 1, 3, 3}};
    check_layers_on_cuda<float>(layers, Conv2dPrecision::float32);
    check_layers_on_cuda<double>(layers, Conv2dPrecision::float32);
}

TEST_CASE("a pixel is bitwise identical in an image and in a part of it: all channels and kernels") {
    if (on_cuda()) {
        const std::vector<Layer> layers{
            {5, 6, 3, 5}, {3, 3, 3, 3}, {4, 8, 3, 3}, {7, 66, 1, 3}, {70, 5, 1, 1}};
        check_layers_on_cuda<float>(layers, Conv2dPrecision::float32);
        check_layers_on_cuda<double>(layers, Conv2dPrecision::float32);
        return;
    }
    check_layers_on_cpu(direct, 1);
    const std::vector<Part> narrow{{1, 0, 0, 40, 7}, {0, 1, 0, 21, 7}, {1, 3, 0, 32, 7}, {0, 6, 0, 34, 7}};
    for (const Layer& layer : {Layer{1, 12, 9, 9}, {5, 6, 3, 9}, {12, 1, 1, 9}, {16, 24, 3, 11}})
        check_parts(On::cpu, Problem<float>::random(layer.over(2, 40, 7)), 1, narrow);
}

TEST_CASE("a pixel is bitwise identical in an image and in a part of it: bfloat16 on the CPU") {
    if (on_cuda()) DNSP_SKIP("a case of the CPU");
    const std::vector<Part> parts{parts_on_cpu[0], parts_on_cpu[2], parts_on_cpu[5], parts_on_cpu[8]};
    for (const auto* const unit : bfloat16_units_here()) {
        INFO(unit->name);
        const CpuPrecision precision(unit);
        for (const Layer& layer : in_bfloat16) {
            // A unit of 32 channels at a time leaves the first layer to Winograd in float32.
            const bool expands = layer.in == 1,
                       in_tiles = expands ? !unit->direct
                                          : layer.kernel_height == 3 && layer.kernel_width == 3 &&
                                                (!unit->direct || layer.in % unit->depth != 0);
            check_parts(On::cpu, Problem<bfloat16>::random(layer.over(2, 22, 61)),
                        in_tiles ? kernels::cpu::conv2d_alignment : 1, parts);
        }
    }
}

TEST_CASE("images and gradients of a convolution on the CPU do not depend on the number of threads") {
    for (const auto& layers : {winograd, pointwise, few_channels, expand, direct})
        for (const Layer& layer : layers) check_threads(Problem<float>::random(layer.over(3, 22, 61)));
    for (const auto* const unit : bfloat16_units_here()) {
        INFO(unit->name);
        const CpuPrecision precision(unit);
        for (const Layer& layer : in_bfloat16)
            check_threads(Problem<bfloat16>::random(layer.over(1, 22, 61)));
    }
}
