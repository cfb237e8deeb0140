// cuDNN's convolutions, called through conv2d(). Skipped without cuDNN, as in the CUDA emulator.
#include "kernels/elementwise.hpp"
#include "tests/kernels/conv2d_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("conv2d by cuDNN agrees with plain loops in double") {
    DNSP_REQUIRE_BACKEND(Conv2dBackend::cudnn);
    for (const auto& [precision, bound] :
         {std::pair{Conv2dPrecision::float32, 1e-5}, std::pair{Conv2dPrecision::tf32, 1e-3},
          std::pair{Conv2dPrecision::bfloat16, 1e-3}}) {
        const WithOptions options({Conv2dBackend::cudnn, precision});
        for (const Conv2dShape& s : cudnn_cases) {
            INFO(text(s));
            Check<float>(On::cuda, s, bound).with_every_epilogue();
        }
    }
}

TEST_CASE("conv2d by cuDNN can be recorded in a graph") {
    DNSP_REQUIRE_BACKEND(Conv2dBackend::cudnn);
    const WithOptions options({Conv2dBackend::cudnn, Conv2dPrecision::tf32});
    const Conv2dShape s{2, 13, 15, 16, 24, 3, 3};
    Buffer<float> x(On::cuda, random<float>(s.input_elements(), 1)),
        w(On::cuda, random<float>(s.weight_elements(), 2)), b(On::cuda, random<float>(s.out_channels, 3)),
        y(On::cuda, s.output_elements()), dx(On::cuda, s.input_elements()), dw(On::cuda, s.weight_elements());
    const auto step = [&] {
        kernels::cuda::conv2d_forward<float>(s, {.input = x.data(),
                                                 .weight = w.data(),
                                                 .bias = b.data(),
                                                 .epilogue = {Activation::relu, 0.5},
                                                 .output = y.data()});
        kernels::cuda::conv2d_backward_input<float>(s, {.output_gradient = y.data(),
                                                        .scale = 0.5,
                                                        .weight = w.data(),
                                                        .relu_output = x.data(),
                                                        .input_gradient = dx.data()});
        kernels::cuda::conv2d_backward_weight<float>(
            s, {.input = x.data(), .output_gradient = y.data(), .scale = 0.5, .weight_gradient = dw.data()});
    };
    step();  // selects the algorithm and fills the arena
    const std::vector<std::vector<float>> expected{y.values(), dx.values(), dw.values()};
    simt::Graph graph(step);
    for (Buffer<float>* output : {&y, &dx, &dw}) kernels::cuda::fill(1, -7.0f, output->data());
    for (int launch = 0; launch < 2; ++launch) graph.launch();
    CHECK(reference::same_bits(y.values(), expected[0]));
    CHECK(reference::same_bits(dx.values(), expected[1]));
    CHECK(reference::same_bits(dw.values(), expected[2]));
}

TEST_CASE("conv2d by cuDNN of no images") {
    DNSP_REQUIRE_BACKEND(Conv2dBackend::cudnn);
    const WithOptions options({Conv2dBackend::cudnn, Conv2dPrecision::float32});
    Check<float>(On::cuda, {0, 5, 4, 3, 2, 3, 3}, 1e-5).plain();
}
