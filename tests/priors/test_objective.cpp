#include "priors/objective.hpp"

#include <algorithm>

#include "priors/filter_bank.hpp"
#include "priors/filter_measure.hpp"
#include "priors/low_rank.hpp"
#include "priors/total_variation.hpp"
#include "tests/gradient_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

const Shape images{2, 9, 8, 1};
const Shape filters_shape{8, 3, 3};

/// Weights at which every term contributes noticeably to the gradient.
ObjectiveOptions weighty(const std::string& variant, Reduction reduction, Border border = Border::valid) {
    ObjectiveOptions options;
    options.variant = variant;
    options.reduction = reduction;
    options.alpha = 0.01;
    options.beta = 0.5;
    options.gamma = 0.02;
    options.tau = 0.05;
    options.terms.get<LowRankOptions>().delta = 0.05;
    options.terms.get<FilterOptions>().border = border;
    options.terms.get<FilterOptions>().laplacian_scale = 1.0;
    options.terms.get<TotalVariationOptions>().epsilon = 0.05;
    return options;
}

SharpAndSmooth patches() {
    return {tensor_of(random_input({2, 6, 7, 1}, 11, 0, 1)),
            tensor_of(random_input({2, 6, 7, 1}, 12, 0.4, 0.6))};
}

bool learns(const std::string& variant) { return variant == "LS" || variant == "AP"; }

/// The loss as a function of output, target and, if the variant uses them, learned filters.
struct Loss {
    ObjectiveOptions options;
    Objective::Evaluation evaluate(Tape& tape, const std::vector<Tensor>& x) const {
        ParameterStore store;
        Objective objective(options, store);
        store.allocate(x[0].dtype(), test_device(), 1);
        if (objective.needs_patches()) objective.prepare(patches());
        if (!objective.filters()) return objective.evaluate(tape, {x[0], x[1], x[1]});
        // The filters of the store get the values of x[2]. Their gradient is read after the backward pass.
        Tensor filters = objective.filters()->weights();
        filters.copy_from(x[2]);
        filters_gradient = filters.gradient_slot();
        return objective.evaluate(tape, {x[0], x[1], x[1]});
    }
    mutable std::shared_ptr<Gradient> filters_gradient = nullptr;
};

std::vector<Input> inputs_for(const std::string& variant) {
    std::vector<Input> inputs{random_input(images, 1, 0, 1), random_input(images, 2, 0, 1)};
    inputs[1].constant = true;
    if (learns(variant)) inputs.push_back(random_input(filters_shape, 3));
    return inputs;
}

}  // namespace

TEST_CASE("every variant of the paper is known") {
    auto names = variants();
    std::sort(names.begin(), names.end());
    CHECK(names == std::vector<std::string>{"AP", "FS", "LR", "LS", "NP", "TVLR"});
    for (const auto& name : names) CHECK_NOTHROW(require_variant(name));
    try {
        require_variant("XY");
        FAIL_CHECK("unknown variant accepted");
    } catch (const Error& error) {
        for (const auto& name : names) CHECK(std::string(error.what()).find(name) != std::string::npos);
    }
}

TEST_CASE("gradients of the whole objective with respect to the output and the filters") {
    for (const std::string& variant : variants())
        for (Reduction reduction : {Reduction::mean, Reduction::sum})
            for (Border border : {Border::valid, Border::zero}) {
                INFO(variant << (reduction == Reduction::mean ? ", mean" : ", sum")
                             << (border == Border::zero ? ", zero border" : ", valid"));
                const Loss loss{weighty(variant, reduction, border)};
                const Function function = [&](Tape& tape, const std::vector<Tensor>& x) {
                    return loss.evaluate(tape, x).loss;
                };
                const auto inputs = inputs_for(variant);
                const auto result = differentiate(function, inputs, DType::float64);
                const auto filter_gradient =
                    learns(variant) ? values_of(loss.filters_gradient->value) : std::vector<double>();
                // The CUDA emulator is slow; the tests of single priors check more elements.
                const bool on_cpu = test_device().kind == DeviceKind::cpu;
                const CheckOptions options{.step = 5e-4,
                                           .elements = on_cpu ? std::size_t{32} : std::size_t{3}};
                const auto output =
                    compare_with_differences(function, inputs, 0, result.gradients[0], options);
                INFO("output: relative error " << output.error());
                CHECK(output.error() <= 1e-6);
                if (!learns(variant)) continue;
                const auto filters = compare_with_differences(function, inputs, 2, filter_gradient, options);
                INFO("filters: relative error " << filters.error());
                CHECK(filters.error() <= 1e-6);
            }
}

TEST_CASE("the reported terms add up to the loss, and the reported gradient norms are correct") {
    for (const std::string& variant : variants())
        for (Reduction reduction : {Reduction::mean, Reduction::sum}) {
            INFO(variant);
            const auto inputs = inputs_for(variant);
            std::vector<Tensor> tensors;
            for (const Input& input : inputs) tensors.push_back(tensor_of(input));
            const auto options = weighty(variant, reduction);
            Tape tape = Tape::inference();
            const auto metrics = Loss{options}.evaluate(tape, tensors).metrics.to_vector<double>();
            ParameterStore reporter;
            const auto evaluation = Objective(options, reporter).report(metrics);
            double sum = 0;
            for (const auto& term : evaluation.terms) sum += term.weight * term.value;
            CHECK(std::abs(sum - evaluation.loss) <= 1e-14 * std::abs(sum) + 1e-15);
            CHECK(evaluation.terms.front().name == "data");
            CHECK(evaluation.terms.front().weight == 1.0);

            // The norm of a term is the norm of the gradient of the loss if all other weights are zero.
            for (const auto& term : evaluation.terms) {
                INFO(term.name);
                ParameterStore store;
                TermContext context(options.terms, store);
                Tensor output = tensor_of(inputs[0]).require_gradient();
                Tape own;
                Tensor value;
                double norm = 0;
                if (term.name == "data") {
                    own.backward(value_of(own, squared_error(output, tensors[1], reduction)));
                    norm = reference::norm(values_of(output.gradient()));
                } else if (term.name == "filter_measure") {
                    Tensor filters = tensor_of(inputs[2]).require_gradient();
                    const FilterMeasure measure(patches(), 3, Border::valid, test_device());
                    own.backward(value_of(own, measure.evaluate(filters)));
                    norm = options.gamma * reference::norm(values_of(filters.gradient()));
                } else {
                    const auto function = term_registry().make(term.name, context);
                    store.allocate(DType::float64, test_device(), 1);
                    if (context.filters()) Tensor(context.filters()->weights()).copy_from(tensors[2]);
                    own.backward(value_of(own, function->evaluate({output, tensors[1], tensors[1]})));
                    norm = std::abs(term.weight) * reference::norm(values_of(output.gradient()));
                }
                CHECK(std::abs(term.gradient_norm - norm) <= 1e-12 * norm);
            }
        }
}

TEST_CASE("each variant has the terms and signs of the paper") {
    const auto names_of = [](const std::string& variant) {
        ParameterStore store;
        Objective objective(weighty(variant, Reduction::mean), store);
        store.allocate(DType::float32, test_device(), 1);
        CHECK(objective.needs_patches() == learns(variant));
        CHECK((objective.filters() != nullptr) == learns(variant));
        if (learns(variant)) objective.prepare(patches());
        Tape tape = Tape::inference();
        const Tensor output = tensor_of(random_input(images, 1, 0, 1), DType::float32);
        CHECK(objective.evaluate(tape, {output, output, output}).metrics.elements() ==
              2 * static_cast<std::int64_t>(objective.terms().size()) + 1);
        std::string names;
        for (const auto& term : objective.terms()) names += (term.weight < 0 ? " -" : " +") + term.name;
        return names;
    };
    CHECK(names_of("NP") == " +data");
    CHECK(names_of("LR") == " +data +low_rank");
    CHECK(names_of("FS") == " +data -sharpness");
    CHECK(names_of("LS") == " +data -learned_sharpness +filter_measure");
    CHECK(names_of("AP") == " +data +low_rank -learned_sharpness +filter_measure");
    CHECK(names_of("TVLR") == " +data +low_rank +total_variation");
}

TEST_CASE("a weight that the variant does not use must have its default") {
    // The weights in the formulas of priors/objective.hpp.
    const std::map<std::string, std::string> used{{"NP", ""},   {"LR", "α"},   {"FS", "β"},
                                                  {"LS", "βγ"}, {"AP", "αβγ"}, {"TVLR", "ατ"}};
    const std::pair<const char*, double ObjectiveOptions::*> weights[] = {{"α", &ObjectiveOptions::alpha},
                                                                          {"β", &ObjectiveOptions::beta},
                                                                          {"γ", &ObjectiveOptions::gamma},
                                                                          {"τ", &ObjectiveOptions::tau}};
    for (const auto& [variant, letters] : used) {
        ObjectiveOptions options;
        options.variant = variant;
        CHECK_NOTHROW(require_weights_used(options));
        for (const auto& [letter, weight] : weights)
            for (const double value : {0.0, 0.3, ObjectiveOptions{}.*weight}) {
                INFO(variant << ", " << letter << " = " << value);
                ObjectiveOptions changed = options;
                changed.*weight = value;
                if (letters.find(letter) != std::string::npos || value == ObjectiveOptions{}.*weight)
                    CHECK_NOTHROW(require_weights_used(changed));
                else
                    CHECK_THROWS_AS(require_weights_used(changed), Error);
            }
    }
    ObjectiveOptions unknown;
    unknown.variant = "XY";
    CHECK_THROWS_AS(require_weights_used(unknown), Error);
}

TEST_CASE("an extra term is added to the variant, and the error for an unknown term lists all terms") {
    ParameterStore store;
    ObjectiveOptions options = weighty("FS", Reduction::mean);
    options.extra_terms = {{"total_variation", 0.5}};
    const Objective objective(options, store);
    store.allocate(DType::float64, test_device(), 1);
    Tape tape = Tape::inference();
    const Tensor output = tensor_of(random_input(images, 1, 0, 1));
    CHECK(objective.terms().size() == 3);
    CHECK(objective.evaluate(tape, {output, output, output}).metrics.elements() == 7);

    options.extra_terms = {{"sharpness", 1.0}};
    ParameterStore twice;
    CHECK_THROWS_AS(Objective(options, twice), Error);

    options.extra_terms = {{"nonsense", 1.0}};
    ParameterStore other;
    try {
        Objective refused(options, other);
        FAIL_CHECK("unknown term accepted");
    } catch (const Error& error) {
        for (const auto& [name, summary] : term_registry().summaries()) {
            CHECK(std::string(error.what()).find(name) != std::string::npos);
            CHECK_FALSE(summary.empty());
        }
    }
    CHECK(term_registry().summaries().size() >= 5);
}

TEST_CASE("the options of the priors default to the paper's values, α to a tenth of it") {
    const ObjectiveOptions options;
    CHECK(options.variant == "AP");
    CHECK((options.alpha == 1e-6 && options.beta == 5e-3 && options.gamma == 1e-7));
    CHECK(options.terms.get<LowRankOptions>().delta == 0.01);
    const auto& filters = options.terms.get<FilterOptions>();
    CHECK(filters.filters == 8);
    CHECK(filters.deviation * filters.deviation == Approx(1e-4));
    CHECK(filters.laplacian_scale == 0.25);
}

TEST_CASE("a report needs as many metrics as an evaluation has") {
    ParameterStore store;
    const Objective objective(weighty("LR", Reduction::mean), store);
    // Values of two terms, norms of their gradients, the sum.
    const auto report = objective.report(std::vector<double>{3, 5, 7, 11, 13});
    CHECK(report.loss == 13);
    REQUIRE(report.terms.size() == 2);
    CHECK((report.terms[0].value == 3 && report.terms[0].gradient_norm == 7));
    CHECK((report.terms[1].value == 5 && report.terms[1].gradient_norm == 0.01 * 11));
    for (const std::size_t count : {0, 2, 3, 4, 6, 7, 8})
        CHECK_THROWS_AS(objective.report(std::vector<double>(count, 1.0)), Error);
}

TEST_CASE("differentiate() needs a scalar in float64") {
    const Tensor output = tensor_of(random_input({1, 2, 2, 1}, 1));
    const auto of = [&](const Shape& shape, DType dtype) {
        return dnsp::differentiate(
            output, [&](Tape&, const Tensor&) { return Tensor::zeros(shape, dtype, test_device()); });
    };
    for (const auto& [shape, dtype] : {std::pair{Shape{1}, DType::float32}, {Shape{2}, DType::float64}})
        CHECK_THROWS_WITH(of(shape, dtype), ContainsSubstring("[differentiate] expects a float64 scalar"));
}

TEST_CASE("terms refuse tensors without images and targets unlike the output") {
    Tape tape;
    const auto zeros = [](const Shape& shape, DType dtype = DType::float32) {
        return Tensor::zeros(shape, dtype, test_device());
    };
    const Tensor images = zeros({2, 4, 4, 1});
    CHECK_NOTHROW(require_image_pair(images, zeros({2, 4, 4, 1}), "test"));
    for (const Tensor& wrong : {Tensor(), zeros({4, 4}), zeros({2, 4, 4, 2}), zeros({0, 4, 4, 1})}) {
        CHECK_THROWS_WITH(require_images(wrong, "test"), ContainsSubstring("[test] expects [batch"));
        CHECK_THROWS_WITH(require_image_pair(images, wrong, "test"),
                          ContainsSubstring("a target like the output"));
        CHECK_THROWS_WITH(require_image_pair(wrong, images, "test"),
                          ContainsSubstring("[test] expects [batch"));
    }
    CHECK_THROWS_AS(require_image_pair(images, zeros({2, 4, 4, 1}, DType::float64), "test"), Error);
}

TEST_CASE("LS and AP need patches") {
    ParameterStore store;
    const Objective objective(weighty("AP", Reduction::mean), store);
    store.allocate(DType::float64, test_device(), 1);
    Tape tape;
    const Tensor output = tensor_of(random_input(images, 1, 0, 1));
    CHECK_THROWS_AS(objective.evaluate(tape, {output, output, output}), Error);
}

TEST_CASE("a variant and its terms use the options of the objective") {
    struct Keys : OptionVisitor {
        using OptionVisitor::option;
        void option(const OptionInfo& info, bool&) override { keys.push_back(info.key); }
        void option(const OptionInfo& info, int&) override { keys.push_back(info.key); }
        void option(const OptionInfo& info, std::uint64_t&) override { keys.push_back(info.key); }
        void option(const OptionInfo& info, double&) override { keys.push_back(info.key); }
        void option(const OptionInfo& info, NumberOrRange&) override { keys.push_back(info.key); }
        void option(const OptionInfo& info, std::string&) override { keys.push_back(info.key); }
        void option(const OptionInfo& info, std::vector<std::string>&) override { keys.push_back(info.key); }
        void option(const OptionInfo& info, std::map<std::string, double>&) override {
            keys.push_back(info.key);
        }
        void nested(const std::string&, const std::function<void()>& visit) override { visit(); }
        std::vector<std::string> keys;
    } visitor;
    ObjectiveOptions().visit(visitor);
    // The keys in weights files since version 0.1.0. Each key occurs once although terms share structs.
    std::vector<std::string> expected{"alpha",
                                      "beta",
                                      "border",
                                      "delta",
                                      "extra_terms",
                                      "filter_deviation",
                                      "filters",
                                      "fixed_filter_norms",
                                      "gamma",
                                      "laplacian_scale",
                                      "low_rank_method",
                                      "reduction",
                                      "tau",
                                      "total_variation_epsilon",
                                      "variant"};
    std::sort(visitor.keys.begin(), visitor.keys.end());
    CHECK(std::ranges::includes(visitor.keys, expected));
    CHECK(std::ranges::adjacent_find(visitor.keys) == visitor.keys.end());
}

TEST_CASE("a term that is registered twice is refused") {
    struct Another : LossTerm {
        TermValue evaluate(const StepImages&) override { return {}; }
    };
    CHECK_THROWS_AS(TermRegistration<Another>("low_rank", "again"), Error);
}
