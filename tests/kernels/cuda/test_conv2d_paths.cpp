// The choice of algorithm of the CUDA device's convolutions.
#include <utility>

#include "tests/kernels/conv2d_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

std::vector<float> forward_of(const Conv2dShape& s, const std::vector<float>& input) {
    Buffer<float> x(On::cuda, input), w(On::cuda, random<float>(s.weight_elements(), 2)),
        b(On::cuda, random<float>(s.out_channels, 3)), output(On::cuda, s.output_elements());
    kernels::cuda::conv2d_forward<float>(
        s, {.input = x.data(), .weight = w.data(), .bias = b.data(), .output = output.data()});
    return output.values();
}

}  // namespace

TEST_CASE("conv2d uses tensor cores if selected and supported") {
    CHECK((kernels::cuda::conv2d_options().backend == Conv2dBackend::native &&
           kernels::cuda::conv2d_options().precision == Conv2dPrecision::tf32));
    for (const auto& [precision, bound] :
         {std::pair{Conv2dPrecision::tf32, 1e-3}, std::pair{Conv2dPrecision::bfloat16, 1e-2}}) {
        const WithOptions options({Conv2dBackend::native, precision});
        Check<float>(On::cuda, {2, 7, 9, 16, 24, 3, 3}, bound).once();
        Check<float>(On::cuda, {1, 6, 5, 8, 40, 1, 3}, bound).once();
        // Everything else computes in T.
        Check<float>(On::cuda, {2, 7, 9, 12, 20, 3, 3}, float_bound<float>).once();
        Check<float>(On::cuda, {1, 9, 8, 1, 16, 3, 3}, float_bound<float>).once();
        Check<double>(On::cuda, {1, 6, 5, 8, 8, 3, 3}, float_bound<double>).once();
    }
    if (simt::compute_capability() < 80) return;
    const Conv2dShape s{1, 6, 5, 8, 8, 3, 3};
    const auto input = random<float>(s.input_elements(), 1);
    const auto with = [&](Conv2dPrecision precision) {
        const WithOptions options({Conv2dBackend::native, precision});
        return forward_of(s, input);
    };
    CHECK(!reference::same_bits(with(Conv2dPrecision::tf32), with(Conv2dPrecision::float32)));
    CHECK(!reference::same_bits(with(Conv2dPrecision::tf32), with(Conv2dPrecision::bfloat16)));
}

TEST_CASE("conv2d by cuBLAS") {
    DNSP_REQUIRE_BACKEND(Conv2dBackend::cublas);
    const WithOptions options({Conv2dBackend::cublas, Conv2dPrecision::tf32});
    for (const Conv2dShape& shape : cublas_cases) {
        Check<float>(On::cuda, shape, float_bound<float>).with_every_epilogue();
        Check<double>(On::cuda, shape, float_bound<double>).with_every_epilogue();
    }
}

TEST_CASE("conv2d refuses an unavailable backend") {
    const WithOptions options(exact);
    try {
        kernels::cuda::set_conv2d_options({Conv2dBackend::cudnn, Conv2dPrecision::tf32});
    } catch (const Error& error) {
        CHECK_THAT(error.what(), Catch::Matchers::StartsWith("[conv2d] cuDNN cannot be used: "));
    }
    if (kernels::cuda::conv2d_options().backend == Conv2dBackend::cudnn) DNSP_SKIP("cuDNN is there");
    CHECK((kernels::cuda::conv2d_options().backend == Conv2dBackend::native &&
           kernels::cuda::conv2d_options().precision == Conv2dPrecision::float32));
}

TEST_CASE("conv2d by cuBLAS of no images leaves gradients of zeros") {
    DNSP_REQUIRE_BACKEND(Conv2dBackend::cublas);
    const WithOptions options({Conv2dBackend::cublas, Conv2dPrecision::float32});
    check_no_images(On::cuda);
}
