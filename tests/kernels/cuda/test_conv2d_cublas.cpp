#include "kernels/conv2d/cuda/cublas.hpp"

#include "tests/kernels/conv2d_cases.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace detail = kernels::cuda::detail;

TEST_CASE("conv2d by cuBLAS takes the pixels in chunks of any size") {
    DNSP_REQUIRE_BACKEND(Conv2dBackend::cublas);
    const Conv2dShape s{2, 7, 9, 3, 4, 3, 5};
    const auto x = reference::uniform(s.input_elements(), 1), w = reference::uniform(s.weight_elements(), 2),
               b = reference::uniform(s.out_channels, 3), g = reference::uniform(s.output_elements(), 4);
    Buffer<double> input(On::cuda, x), weight(On::cuda, w), bias(On::cuda, b), gradient(On::cuda, g);
    const std::int64_t row = 3 * 3 * 5 * 8, backward_row = 4 * 3 * 5 * 8;
    for (const std::int64_t pixels : {0, 1, 50, 126, 200}) {
        INFO("chunks of " << pixels << " pixels");
        const auto output = output_of<double>(On::cuda, s.output_elements(), [&](double* to) {
            detail::cublas_forward<double>(
                s, {.input = input.data(), .weight = weight.data(), .bias = bias.data(), .output = to},
                pixels * row);
        });
        CHECK(reference::relative_error(output, reference::conv2d_forward(s, x, w, b)) <= 1e-12);
        const auto input_gradient = output_of<double>(On::cuda, s.input_elements(), [&](double* to) {
            detail::cublas_backward_input<double>(s,
                                                  {.output_gradient = gradient.data(),
                                                   .scale = 2.0,
                                                   .weight = weight.data(),
                                                   .input_gradient = to},
                                                  pixels * backward_row);
        });
        CHECK(reference::relative_error(input_gradient,
                                        scaled(2.0, reference::conv2d_backward_input(s, g, w))) <= 1e-12);
        const auto weight_gradient = output_of<double>(On::cuda, s.weight_elements(), [&](double* to) {
            detail::cublas_backward_weight<double>(s,
                                                   {.input = input.data(),
                                                    .output_gradient = gradient.data(),
                                                    .scale = 2.0,
                                                    .weight_gradient = to},
                                                   pixels * row);
        });
        CHECK(reference::relative_error(weight_gradient,
                                        scaled(2.0, reference::conv2d_backward_weight(s, x, g))) <= 1e-12);
    }
}
