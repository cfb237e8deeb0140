// Compares training steps on the CUDA device, and in bfloat16 on the CPU, with float32 on the CPU.
#include <cmath>

#include "base/device/runtime.hpp"
#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"
#include "layers/conv2d_settings.hpp"
#include "priors/filter_bank.hpp"
#include "priors/low_rank.hpp"
#include "priors/objective.hpp"
#include "tests/catch.hpp"
#include "tests/model_options.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"
#include "training/training_step.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

struct Run {
    std::vector<std::vector<double>> terms;  // per step: value and gradient norm of each term, and the loss
    std::vector<double> weights;             // network and filters, after the last step
};

/// Three steps of a small network on smooth images with a little noise.
Run train(const ModelOptions& model_options, const std::string& variant, LowRankMethod low_rank_method,
          Device device) {
    const Shape shape{3, 14, 15, 1};
    std::vector<float> target, input;
    const auto noise = reference::uniform(shape.elements(), 5, -0.02, 0.02);
    for (std::size_t i = 0; i < noise.size(); ++i) {
        const auto x = static_cast<double>(i % 15), y = static_cast<double>(i / 15 % 14);
        const double image = 0.5 + 0.3 * std::sin(0.7 * x + 0.1 * y) * std::cos(0.5 * y);
        target.push_back(static_cast<float>(image));
        input.push_back(static_cast<float>(0.9 * image + noise[i]));
    }
    ObjectiveOptions options;
    options.variant = variant;
    options.alpha = 1e-5;
    options.terms.get<LowRankOptions>().method = low_rank_method;
    ParameterStore store;
    const auto model = make_model(model_options, store);
    Objective objective(options, store);
    store.allocate(DType::float32, device, 3);
    if (objective.needs_patches()) {
        const Shape patch{2, 9, 9, 1};
        objective.prepare({Tensor::from<double>(patch, reference::uniform(patch.elements(), 6, 0, 1)),
                           Tensor::from<double>(patch, reference::uniform(patch.elements(), 7, 0.4, 0.5))});
    }
    Adam adam(store, {}, 3);
    adam.plan(0, std::vector<LearningRates>(3));
    if (FilterBank* filters = objective.filters()) filters->reference_norms();
    const Batch batch{Tensor::from<float>(shape, input, device), Tensor::from<float>(shape, target, device)};
    StepClock clock(device);
    Run run;
    for (int step = 0; step < 3; ++step) {
        clock.set({0, step});
        const auto evaluation = train_step({*model, objective, store, adam}, batch, clock);
        run.terms.push_back(evaluation.metrics.to_vector<double>());
    }
    run.weights = reference::widen(store.values().to_vector<float>());
    return run;
}

void compare(const ModelOptions& model, const std::string& variant, LowRankMethod low_rank_method,
             double bound) {
    INFO(model.name << ", " << variant << ", low-rank method " << static_cast<int>(low_rank_method));
    const Run expected =
        train(model, variant,
              low_rank_method == LowRankMethod::cusolver ? LowRankMethod::svd : low_rank_method, {});
    const Run run = train(model, variant, low_rank_method, test_device());
    REQUIRE(run.terms.size() == expected.terms.size());
    for (std::size_t step = 0; step < run.terms.size(); ++step) {
        INFO("step " << step);
        for (std::size_t i = 0; i < run.terms[step].size(); ++i) {
            INFO("scalar " << i << ": " << run.terms[step][i] << " for " << expected.terms[step][i]);
            CHECK(std::abs(run.terms[step][i] - expected.terms[step][i]) <=
                  bound * std::abs(expected.terms[step][i]) + 1e-12);
        }
    }
    CHECK(reference::relative_error(run.weights, expected.weights) <= bound);
}

/// Sets how convolutions are computed; the destructor restores the previous setting.
class ConvolutionOptions {
  public:
    explicit ConvolutionOptions(const Conv2dSettings& settings)
        : before_(conv2d_settings_in_force(test_device())) {
        apply(settings, test_device());
    }
    ~ConvolutionOptions() { apply(before_, test_device()); }

  private:
    Conv2dSettings before_;
};

}  // namespace

TEST_CASE("three steps of SRCNN and EDSR under every variant agree with the CPU") {
    const ConvolutionOptions exact({.precision = "float32", .backend = "native"});
    for (const std::string& variant : variants())
        compare({"edsr", 1, 5, true}, variant, LowRankMethod::matrix_exponential, 1e-4);
    compare(testing::unshuffled_edsr(1, 5, 2), "AP", LowRankMethod::matrix_exponential, 1e-4);
    compare({"srcnn", 0, 0, false}, "AP", LowRankMethod::matrix_exponential, 1e-4);
    compare({"srcnn", 0, 0, true}, "LR", LowRankMethod::svd, 1e-3);
}

TEST_CASE("three steps on tensor cores agree with the CPU") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    {
        const ConvolutionOptions options({.precision = "tf32", .backend = "native"});
        compare({"edsr", 1, 8, true}, "NP", LowRankMethod::matrix_exponential, 1e-3);
    }
    {
        const ConvolutionOptions options({.precision = "bfloat16", .backend = "native"});
        compare({"edsr", 1, 8, true}, "NP", LowRankMethod::matrix_exponential, 1e-2);
    }
}

TEST_CASE("three steps on the CPU with products in bfloat16 agree with those in float32") {
    if (test_device().kind == DeviceKind::cuda) DNSP_SKIP("the device under test is a CUDA device");
    using namespace kernels::cpu::detail;
    const ModelOptions model{"edsr", 1, 32, true};
    const auto run = [&] { return train(model, "AP", LowRankMethod::matrix_exponential, test_device()); };
    const Run expected = run();
    for (const auto* const unit : {&emulated_avx512_bf16_unit, &emulated_amx_unit}) {
        INFO(unit->name);
        set_bfloat16_unit(unit);
        const ConvolutionOptions options({.precision = "bfloat16", .backend = "native"});
        REQUIRE(conv2d_settings_in_force(test_device()).precision == "bfloat16");
        const Run narrow = run(), again = run();
        CHECK(narrow.weights != expected.weights);
        CHECK(reference::relative_error(narrow.weights, expected.weights) <= 1e-2);
        CHECK(narrow.weights == again.weights);
    }
}

TEST_CASE("three steps with intermediate images stored as bfloat16 agree with the CPU") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    if (simt::compute_capability() != 90) DNSP_SKIP("bfloat16 is stored on Hopper alone");
    const ConvolutionOptions options({.precision = "bfloat16", .backend = "native"});
    compare({"edsr", 1, 64, true}, "AP", LowRankMethod::matrix_exponential, 1e-2);
    compare(testing::unshuffled_edsr(1, 64, 2), "NP", LowRankMethod::matrix_exponential, 1e-2);
    const auto again = [] {
        return train({"edsr", 1, 64, true}, "NP", LowRankMethod::matrix_exponential, test_device());
    };
    const Run first = again(), second = again();
    CHECK(first.terms == second.terms);
    CHECK(first.weights == second.weights);
}

#if DNSP_HAS_CUDA
TEST_CASE("three steps with cuBLAS agree with the CPU") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    if (!simt::cublas_available()) DNSP_SKIP(simt::cublas_unavailable_reason());
    const ConvolutionOptions options({.precision = "float32", .backend = "cublas"});
    compare({"edsr", 1, 5, true}, "AP", LowRankMethod::matrix_exponential, 1e-4);
}

TEST_CASE("three steps with cuSOLVER agree with the CPU") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    if (!simt::cublas_available()) DNSP_SKIP(simt::cublas_unavailable_reason());
    if (!simt::cusolver_available()) DNSP_SKIP(simt::cusolver_unavailable_reason());
    const ConvolutionOptions exact({.precision = "float32", .backend = "native"});
    compare({"edsr", 1, 5, true}, "LR", LowRankMethod::cusolver, 1e-4);
}
#endif

TEST_CASE("two runs with the same seed are bitwise identical") {
    for (const char* variant : {"NP", "AP"}) {
        const Run first =
            train({"edsr", 1, 8, true}, variant, LowRankMethod::matrix_exponential, test_device());
        const Run second =
            train({"edsr", 1, 8, true}, variant, LowRankMethod::matrix_exponential, test_device());
        CHECK(first.weights == second.weights);
        CHECK(first.terms == second.terms);
    }
}
