// Which kernels conv2d takes, and what does not depend on that.
#include <utility>

#include "base/error.hpp"
#include "tests/kernels/conv2d_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("conv2d takes the tensor cores where it is told to and they can, cuda") {
    DNSP_REQUIRE_CUDA();
    CHECK((kernels::cuda::conv2d_options().backend == Conv2dBackend::ours &&
           kernels::cuda::conv2d_options().precision == Conv2dPrecision::tf32));
    for (const auto& [precision, bound] :
         {std::pair{Conv2dPrecision::tf32, 1e-3}, std::pair{Conv2dPrecision::bfloat16, 1e-2}}) {
        const WithOptions options({Conv2dBackend::ours, precision});
        Check<float>(On::cuda, {2, 7, 9, 16, 24, 3, 3}, bound).once();
        Check<float>(On::cuda, {1, 6, 5, 8, 40, 1, 3}, bound).once();
        // Everything else keeps to T.
        Check<float>(On::cuda, {2, 7, 9, 12, 20, 3, 3}, float_bound<float>).once();
        Check<float>(On::cuda, {1, 9, 8, 1, 16, 3, 3}, float_bound<float>).once();
        Check<double>(On::cuda, {1, 6, 5, 8, 8, 3, 3}, float_bound<double>).once();
    }
    if (simt::compute_capability() < 80) return;
    const Conv2dShape s{1, 6, 5, 8, 8, 3, 3};
    const auto input = random<float>(s.input_elements(), 1);
    const auto with = [&](Conv2dPrecision precision) {
        const WithOptions options({Conv2dBackend::ours, precision});
        return forward_of(On::cuda, s, input);
    };
    CHECK(!reference::same_bits(with(Conv2dPrecision::tf32), with(Conv2dPrecision::float32)));
    CHECK(!reference::same_bits(with(Conv2dPrecision::tf32), with(Conv2dPrecision::bfloat16)));
}

TEST_CASE("conv2d by cuBLAS, cuda") {
    DNSP_REQUIRE_CUDA();
    DNSP_REQUIRE_BACKEND(Conv2dBackend::cublas);
    const WithOptions options({Conv2dBackend::cublas, Conv2dPrecision::tf32});
    for (const Conv2dShape& shape : {Conv2dShape{2, 7, 9, 5, 6, 3, 5}, Conv2dShape{1, 1, 1, 1, 1, 1, 1},
                                     Conv2dShape{3, 6, 5, 1, 8, 5, 5}, Conv2dShape{2, 4, 4, 9, 1, 3, 3},
                                     Conv2dShape{1, 9, 40, 8, 12, 1, 1}}) {
        Check<float>(On::cuda, shape, float_bound<float>).with_every_epilogue();
        Check<double>(On::cuda, shape, float_bound<double>).with_every_epilogue();
    }
}

TEST_CASE("conv2d refuses a backend that is not there, cuda") {
    DNSP_REQUIRE_CUDA();
    const WithOptions options(exact);
    try {
        kernels::cuda::set_conv2d_options({Conv2dBackend::cudnn, Conv2dPrecision::tf32});
    } catch (const Error& error) {
        CHECK_THAT(error.what(), Catch::Matchers::StartsWith("[conv2d] cuDNN cannot be used: "));
    }
    if (kernels::cuda::conv2d_options().backend == Conv2dBackend::cudnn) DNSP_SKIP("cuDNN is there");
    CHECK((kernels::cuda::conv2d_options().backend == Conv2dBackend::ours &&
           kernels::cuda::conv2d_options().precision == Conv2dPrecision::float32));
}

namespace {

void check_unaligned_arrays(On where) {
    for (const Conv2dShape& s : every_path_of(where)) {
        const auto x = random<float>(s.input_elements(), 1), w = random<float>(s.weight_elements(), 2),
                   b = random<float>(s.out_channels, 3), g = random<float>(s.output_elements(), 4),
                   r = random<float>(s.output_elements(), 5);
        // Which array is the odd one.
        for (int odd = 0; odd < 6; ++odd) {
            INFO("array " << odd << " is not aligned");
            const auto shifted = [&](int array, std::vector<float> values) {
                if (odd == array) values.insert(values.begin(), 0.0f);
                return values;
            };
            const auto at = [&](int array, Buffer<float>& buffer) {
                return buffer.data() + (odd == array ? 1 : 0);
            };
            const auto expect = [&](const Buffer<float>& buffer, const Array& expected) {
                std::vector<float> values = buffer.values();
                if (odd == 5) values.erase(values.begin());
                CHECK(buffer.fences_intact());
                CHECK(reference::relative_error(values, expected) <= 1e-5);
            };
            const int first = odd == 5 ? 1 : 0;
            Buffer<float> input(where, shifted(0, x)), weight(where, shifted(1, w)),
                bias(where, shifted(2, b)), gradient(where, shifted(3, g)), residual(where, shifted(4, r)),
                output(where, s.output_elements() + first), input_gradient(where, s.input_elements() + first),
                weight_gradient(where, s.weight_elements() + first);
            DNSP_KERNEL(where, conv2d_forward, float)
            (s, at(0, input), at(1, weight), at(2, bias), {Activation::none, 1.0, at(4, residual)},
             at(5, output));
            DNSP_KERNEL(where, conv2d_backward_input, float)
            (s, at(3, gradient), 1.0, at(1, weight), nullptr, nullptr, at(5, input_gradient));
            DNSP_KERNEL(where, conv2d_backward_weight, float)
            (s, at(0, input), at(3, gradient), 1.0, at(5, weight_gradient), nullptr);
            const auto wide = [](const std::vector<float>& values) { return reference::widen(values); };
            Array sums = reference::conv2d_forward(s, wide(x), wide(w), wide(b));
            for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(r[i]);
            expect(output, sums);
            expect(input_gradient, reference::conv2d_backward_input(s, wide(g), wide(w)));
            expect(weight_gradient, reference::conv2d_backward_weight(s, wide(x), wide(g)));
        }
    }
}

void check_no_images(On where) {
    for (Conv2dShape s : every_path_of(where)) {
        s.batch = 0;
        Buffer<float> nothing(where, 0), weight(where, random<float>(s.weight_elements(), 1)),
            bias(where, random<float>(s.out_channels, 2));
        DNSP_KERNEL(where, conv2d_forward, float)
        (s, nothing.data(), weight.data(), bias.data(), {}, nothing.data());
        DNSP_KERNEL(where, conv2d_backward_input, float)
        (s, nothing.data(), 1.0, weight.data(), nullptr, nullptr, nothing.data());
        CHECK(nothing.fences_intact());
        DNSP_KERNEL(where, conv2d_backward_weight, float)
        (s, nothing.data(), nothing.data(), 1.0, weight.data(), bias.data());
        CHECK(reference::norm(weight.values()) == 0);
        CHECK(reference::norm(bias.values()) == 0);
    }
}

}  // namespace

TEST_CASE("conv2d takes arrays that are aligned to nothing but their numbers") {
    check_unaligned_arrays(testing::device_under_test());
}

TEST_CASE("conv2d of no images leaves gradients of zeros") { check_no_images(On::cpu); }

TEST_CASE("conv2d of no images leaves gradients of zeros, cuda") {
    DNSP_REQUIRE_CUDA();
    for (const auto backend : {Conv2dBackend::ours, Conv2dBackend::cublas}) {
        DNSP_REQUIRE_BACKEND(backend);
        const WithOptions options({backend, Conv2dPrecision::float32});
        check_no_images(On::cuda);
    }
}
