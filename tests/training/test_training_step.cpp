// Results and log of a run do not depend on how steps are executed and how often metrics are read.
#include "training/training_step.hpp"

#include <cmath>

#include "engine/safetensors.hpp"
#include "priors/filter_bank.hpp"
#include "priors/low_rank.hpp"
#include "tests/catch.hpp"
#include "tests/synthetic_head.hpp"
#include "tests/test_device.hpp"
#include "tests/training/small_run.hpp"
#include "training/trainer.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

bool on_cuda() { return test_device().kind == DeviceKind::cuda; }

struct Result {
    std::string weights, checkpoint;
    std::vector<nlohmann::json> steps;
    std::size_t graph_size;
    std::string no_graph_reason;
    bool operator==(const Result& other) const {
        return weights == other.weights && checkpoint == other.checkpoint && steps == other.steps;
    }
};

Result run(const TrainingSettings& settings, const Execution& execution) {
    testing::TemporaryFolder folder;
    Trainer trainer(settings, small_split(), test_device(), folder / "run", "test", {}, execution);
    std::int64_t watched = 0;
    REQUIRE(
        trainer.run([&](const TrainingProgress& p) { CHECK(p.step == ++watched); }, [] { return false; }));
    CHECK(watched == trainer.total_steps());
    const fs::path log = folder / "run/log.jsonl";
    CHECK(lines_of(log, "graph").size() == (trainer.step().graph_size() > 0 ? 1u : 0u));
    CHECK(lines_of(log, "no_graph").size() == (trainer.step().no_graph_reason().empty() ? 0u : 1u));
    return {bytes_of(folder / "run/weights.safetensors"), bytes_of(folder / "run/checkpoint.safetensors"),
            step_lines(log), trainer.step().graph_size(), trainer.step().no_graph_reason()};
}

/// A training step on small data, and all that it works on.
struct SmallStep {
    TrainingSettings settings;
    ParameterStore store;
    std::unique_ptr<Model> model = make_model(settings.model, store);
    Objective objective{settings.objective, store};
    Split split = small_split();
    PatchSampler sampler{split.training, settings, test_device()};
    std::unique_ptr<Adam> adam;
    std::unique_ptr<TrainingStep> step;

    explicit SmallStep(TrainingSettings of) : settings(std::move(of)) {
        store.allocate(DType::float32, test_device(), 1);
        if (objective.needs_patches()) objective.prepare(sampler.sharp_and_smooth());
        adam = std::make_unique<Adam>(store, AdamOptions{}, sampler.steps_per_epoch());
        if (objective.filters()) objective.filters()->reference_norms();
        step = std::make_unique<TrainingStep>(sampler, Learner{*model, objective, store, *adam}, true);
    }
};

std::string error_of(Trainer& trainer) {
    try {
        trainer.run([](const TrainingProgress&) {}, [] { return false; });
    } catch (const Error& error) {
        return error.what();
    }
    FAIL("the run should have stopped");
    return "";
}

}  // namespace

TEST_CASE("steps as a graph with rare reads of metrics give bitwise identical results and logs") {
    for (const char* model : {"srcnn", "edsr"}) {
        INFO(model);
        TrainingSettings settings = small_settings("AP");
        if (std::string(model) == "srcnn") settings.model = {"srcnn", 0, 0, true};
        settings.schedule = Schedule::cosine;
        settings.filters_learning_rate = 1e-2;
        settings.epochs = 2;
        const Result one_by_one = run(settings, {false, 1});
        CHECK(one_by_one.graph_size == 0);
        CHECK(one_by_one.steps.size() >= 6);
        const Result graph = run(settings, {true, 3});
        CHECK(graph == one_by_one);
        CHECK((graph.graph_size > 0) == on_cuda());
        CHECK(graph.no_graph_reason.empty());
        CHECK(run(settings, {true, TrainingStep::max_pending}) == one_by_one);
    }
}

TEST_CASE("every variant has a step that can be captured") {
    if (!on_cuda()) DNSP_SKIP("the device under test is the CPU");
    for (const std::string& variant : variants()) {
        INFO(variant);
        TrainingSettings settings = small_settings(variant);
        settings.epochs = 1;
        const Result graph = run(settings, {true, 2});
        CHECK(graph.no_graph_reason.empty());
        CHECK(graph.graph_size > 0);
        CHECK(graph == run(settings, {false, 1}));
    }
}

TEST_CASE("a step that cannot be captured is launched kernel by kernel, and the reason is reported") {
    if (!on_cuda()) DNSP_SKIP("the device under test is the CPU");
    TrainingSettings settings = small_settings("LR");
    settings.epochs = 1;
    settings.objective.terms.get<LowRankOptions>().method = LowRankMethod::cusolver;
    const Result result = run(settings, {});
    CHECK(result.graph_size == 0);
    CHECK(result.no_graph_reason.find("cuSOLVER") != std::string::npos);
    CHECK(result == run(settings, {false, 1}));
}

TEST_CASE("a captured step allocates no memory and holds no more than an uncaptured step") {
    if (!on_cuda()) DNSP_SKIP("the device under test is the CPU");
    SmallStep small(small_settings("AP"));
    TrainingStep& step = *small.step;
    step.begin_epoch(0, 0, std::vector<LearningRates>(3));
    step.run();
    const ArenaStatistics before = arena_statistics(test_device());
    step.run();
    REQUIRE(step.graph_size() > 0);
    const ArenaStatistics recorded = arena_statistics(test_device());
    CHECK(recorded.system_allocations == before.system_allocations);
    CHECK(recorded.bytes_held == before.bytes_held);
    CHECK(recorded.bytes_in_use == before.bytes_in_use);
    CHECK(recorded.peak_bytes_in_use == before.peak_bytes_in_use);
    step.run();
    CHECK(step.pending() == 3);
    CHECK(step.drain_metrics().size() == 3);
    CHECK(step.pending() == 0);
    CHECK(small.adam->steps_taken() == 3);
}

TEST_CASE("the metrics of a step hold the norms of its gradients by group of parameters") {
    for (const char* variant : {"NP", "AP"}) {
        INFO(variant);
        SmallStep small(small_settings(variant));
        TrainingStep& step = *small.step;
        FilterBank* filters = small.objective.filters();
        step.begin_epoch(0, 0, std::vector<LearningRates>(4));
        for (int i = 0; i < 4; ++i) step.run();  // a CUDA device replays the last two from a graph
        double squares[trained_group_count] = {};
        for (const auto& parameter : small.store.parameters())
            if (is_trained(parameter.group))
                for (const float x : parameter.value.gradient_slot()->value.to_vector<float>())
                    squares[static_cast<int>(parameter.group)] += static_cast<double>(x) * x;
        const auto metrics = step.drain_metrics();
        CHECK(std::abs(metrics[3].network_gradient_norm / std::sqrt(squares[0]) - 1) < 1e-12);
        CHECK(metrics[3].network_gradient_norm > 0);
        CHECK(metrics[3].network_gradient_norm != metrics[2].network_gradient_norm);
        CHECK(std::abs(metrics[3].filters_gradient_norm - std::sqrt(squares[1])) <=
              1e-12 * std::sqrt(squares[1]));
        CHECK((metrics[3].filters_gradient_norm > 0) == (filters != nullptr));
        CHECK(metrics[3].filter_norms.size() == (filters ? static_cast<std::size_t>(filters->filters()) : 0));
    }
}

TEST_CASE("unread metrics are not overwritten") {
    TrainingSettings settings = small_settings("NP");
    settings.patch = 8;
    settings.batch = 1;
    settings.patches_per_slice = 5;
    SmallStep small(settings);
    TrainingStep& step = *small.step;
    const std::int64_t steps = TrainingStep::max_pending;
    REQUIRE(small.sampler.steps_per_epoch() > steps);
    step.begin_epoch(0, 0, std::vector<LearningRates>(static_cast<std::size_t>(steps + 1)));
    for (std::int64_t i = 0; i < steps; ++i) step.run();
    CHECK_THROWS_AS(step.run(), Error);
    CHECK_THROWS_AS(step.begin_epoch(1, 0, {}), Error);
    CHECK(step.drain_metrics().size() == static_cast<std::size_t>(steps));
    step.run();
    CHECK(step.drain_metrics().size() == 1);
    CHECK_THROWS_AS(small.adam->plan(1, std::vector<LearningRates>(
                                            static_cast<std::size_t>(small.sampler.steps_per_epoch()))),
                    Error);
}

TEST_CASE("a divergence between two reads is reported with its step, and the checkpoint is older") {
    for (const int steps_between_reads : {1, 64}) {
        testing::TemporaryFolder folder;
        const fs::path out = folder / "run", checkpoint = out / "checkpoint.safetensors";
        TrainingSettings settings = small_settings("LR");
        std::int64_t stop_at = 0;
        {
            Trainer first(settings, small_split(), test_device(), out, "test");
            stop_at = first.sampler().steps_per_epoch() - 2;
            REQUIRE(stop_at > 0);
            std::int64_t done = 0;
            REQUIRE_FALSE(first.run([](const TrainingProgress&) {}, [&] { return ++done == stop_at; }));
        }
        // The weights are finite, but their output is not. The next checkpoint is due at the end of the
        // epoch.
        TensorFile file = read_safetensors(checkpoint);
        for (auto& [name, tensor] : file.tensors)
            if (name.starts_with("model.")) tensor.fill(1e30);
        write_safetensors(checkpoint, file);
        const std::string planted = bytes_of(checkpoint);
        Trainer second(settings, small_split(), test_device(), out, "test", checkpoint,
                       {true, steps_between_reads});
        const std::string error = error_of(second);
        INFO(error);
        CHECK(error.find("'data'") != std::string::npos);
        CHECK(error.find("at step " + std::to_string(stop_at + 1) + ";") != std::string::npos);
        CHECK(bytes_of(checkpoint) == planted);
        CHECK(step_lines(out / "log.jsonl").size() == static_cast<std::size_t>(stop_at));
        CHECK_FALSE(fs::exists(out / "weights.safetensors"));
    }
}
