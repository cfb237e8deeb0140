// Which kernels devices of each compute capability run, and that these devices can run them. The CUDA
// emulator refuses instructions and amounts of shared memory that the emulated device does not have.
#include "kernels/conv2d/cuda/wgmma.hpp"
#include "tests/kernels/capabilities.hpp"
#include "tests/kernels/conv2d_check.hpp"
#include "tests/kernels/low_rank_check.hpp"
#include "tests/reference/rounding.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// Checks one kernel on an image patch of this size, by the kernel itself or by cuSOLVER.
template <class T>
void check_low_rank(low_rank::Kernel<T> kernel, std::int64_t rows, std::int64_t cols,
                    const low_rank::Bounds& bounds) {
    INFO(rows << " × " << cols << (low_rank::is_double(T()) ? ", double" : ", float"));
    const kernels::LowRankShape shape{1, rows, cols, low_rank::delta};
    const auto matrix = reference::cast<T>(low_rank::flat(low_rank::image_patch(rows, cols, 14, 1e-3)));
    low_rank::check_one(shape, 0, matrix, low_rank::run(On::cuda, kernel, shape, matrix), bounds);
}

template <class T>
void check_matrix_exponential(int capability) {
    namespace cuda = kernels::cuda;
    const std::int64_t largest = capability == 75 ? 56 : 64;
    CHECK(low_rank::matrix_exponential_fits<T>(largest, largest));
    CHECK(low_rank::matrix_exponential_fits<T>(200, largest));
    CHECK_FALSE(low_rank::matrix_exponential_fits<T>(largest + 1, largest + 1));
    check_low_rank<T>(cuda::low_rank_matrix_exponential<T>, largest, largest, low_rank::squared<T>);
    check_low_rank<T>(cuda::low_rank_matrix_exponential_fma<T>, largest, largest, low_rank::squared<T>);
}

template <class T>
void check_svd(std::int64_t largest, const low_rank::Bounds& bounds) {
    CHECK(low_rank::svd_fits<T>(largest, largest));
    CHECK_FALSE(low_rank::svd_fits<T>(largest + 1, largest + 1));
    check_low_rank<T>(kernels::cuda::low_rank_svd<T>, largest, largest, bounds);
}

}  // namespace

TEST_CASE("low_rank's largest matrices fit into shared memory on every compute capability") {
    for_each_capability([](int capability) {
        check_matrix_exponential<double>(capability);
        check_matrix_exponential<float>(capability);
        check_svd<double>(capability == 75 ? 51 : 64, low_rank::decomposed<double>);
        check_svd<float>(64, low_rank::in_float);
    });
}

TEST_CASE("low_rank by cuSOLVER computes matrices that exceed the shared memory of the device") {
    if (!simt::is_emulator()) DNSP_SKIP("the device under test has one compute capability");
    const Emulated turing(simt::device_model(75));
    namespace cuda = kernels::cuda;
    check_low_rank<double>(cuda::low_rank_matrix_exponential<double>, 57, 64, low_rank::squared<double>);
    check_low_rank<float>(cuda::low_rank_matrix_exponential<float>, 64, 64, low_rank::squared<float>);
    check_low_rank<float>(cuda::low_rank_matrix_exponential_fma<float>, 70, 60, low_rank::squared<float>);
    check_low_rank<double>(cuda::low_rank_svd<double>, 52, 52, low_rank::squared<double>);
    check_low_rank<double>(cuda::low_rank_svd<double>, 64, 40, low_rank::squared<double>);
}

TEST_CASE("conv2d takes tensor cores from compute capability 8.0 on, and wgmma on 9.0 alone") {
    const Conv2dShape s{1, 6, 5, 8, 8, 3, 3};
    const auto input = random<float>(s.input_elements(), 1);
    const auto forward = [&](Conv2dPrecision precision) {
        const WithOptions options({Conv2dBackend::native, precision});
        Buffer<float> x(On::cuda, input), w(On::cuda, random<float>(s.weight_elements(), 2)),
            b(On::cuda, random<float>(s.out_channels, 3)), output(On::cuda, s.output_elements());
        kernels::cuda::conv2d_forward<float>(
            s, {.input = x.data(), .weight = w.data(), .bias = b.data(), .output = output.data()});
        return output.values();
    };
    for_each_capability([&](int capability) {
        const auto exact = forward(Conv2dPrecision::float32);
        for (const auto precision : {Conv2dPrecision::tf32, Conv2dPrecision::bfloat16})
            CHECK(reference::same_bits(forward(precision), exact) == (capability < 80));
        CHECK(kernels::cuda::detail::wgmma_supports({1, 6, 5, 64, 64, 3, 3}) == (capability == 90));
        const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
        CHECK(kernels::cuda::conv2d_stores_bfloat16(64, 64) == (capability == 90));
    });
}

TEST_CASE("every pass of conv2d runs on every compute capability") {
    for_each_capability([](int) {
        for (const auto& [precision, bound] : {std::pair{Conv2dPrecision::float32, float_bound<float>},
                                               {Conv2dPrecision::tf32, 1e-3},
                                               {Conv2dPrecision::bfloat16, 1e-2}}) {
            const WithOptions options({Conv2dBackend::native, precision});
            Check<float>(On::cuda, {1, 6, 5, 8, 40, 1, 3}, bound).once();
            Check<float>(On::cuda, {1, 5, 7, 72, 16, 3, 1}, bound).once();
            for (const Conv2dShape& shape : every_cuda_path) Check<float>(On::cuda, shape, bound).once();
        }
        for (const Conv2dShape& shape : every_cuda_path)
            Check<double>(On::cuda, shape, float_bound<double>).once();
    });
}

TEST_CASE("images stored as bfloat16 are convolved on every compute capability") {
    const Conv2dShape s{2, 5, 9, 64, 128, 3, 3};
    const Operands operands =
        Operands{s}.with_images(reference::round_to_bfloat16).with_weight(reference::round_to_bfloat16);
    for_each_capability([&](int) {
        const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
        const OnCuda<bfloat16> device(operands);
        const auto output = widened(output_of<bfloat16>(On::cuda, s.output_elements(), [&](bfloat16* to) {
            kernels::cuda::conv2d_forward<bfloat16>(s, {.input = device.input.data(),
                                                        .weight = device.weight.data(),
                                                        .bias = device.bias.data(),
                                                        .output = to});
        }));
        CHECK(reference::relative_error(output, operands.forward()) <= 0x1p-8);
    });
}

TEST_CASE("convolutions by wgmma give one result for every number of SMs, weight gradients up to rounding") {
    if (!simt::is_emulator()) DNSP_SKIP("the device under test has one number of SMs");
    namespace wgmma = kernels::cuda::detail;
    const Conv2dShape s{3, 13, 41, 64, 64, 3, 3};
    const Operands operands = Operands{s}.with_images(reference::round_to_bfloat16);
    std::vector<bfloat16> first;
    for (const int multiprocessors : {1, 2, 7, 132}) {
        INFO(multiprocessors << " SMs");
        const Emulated device_of_size(simt::device_model(90, multiprocessors));
        const OnCuda<bfloat16> device(operands);
        const auto output = output_of<bfloat16>(On::cuda, s.output_elements(), [&](bfloat16* to) {
            wgmma::wgmma_forward(s, {.input = device.input.data(),
                                     .weight = device.weight.data(),
                                     .bias = device.bias.data(),
                                     .output = to});
        });
        if (first.empty()) first = output;
        CHECK(reference::same_bits(output, first));
        const auto gradient = output_of<float>(On::cuda, s.weight_elements(), [&](float* to) {
            wgmma::wgmma_backward_weight(s, {.input = device.input.data(),
                                             .output_gradient = device.gradient.data(),
                                             .weight_gradient = to});
        });
        CHECK(reference::relative_error(gradient, operands.backward_weight()) <= 1e-5);
    }
}
