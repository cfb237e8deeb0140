// Gradients that are summed over processes while a backward pass computes the rest.
#include "training/gradient_exchange.hpp"

#include <atomic>
#include <chrono>

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"
#include "tests/training/processes.hpp"
#include "tests/training/small_run.hpp"
#include "training/training_step.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("gradients that are called finished do not change until the end of the backward pass") {
    TrainingSettings settings = small_settings("AP");  // the filters' gradients come from the priors
    settings.model = {"edsr", 3, 8, true};
    ParameterStore store;
    const auto model = make_model(settings.model, store);
    Objective objective(settings.objective, store);
    PatchSampler sampler(small_split().training, settings, test_device());
    store.allocate(DType::float32, test_device(), 1);
    if (objective.needs_patches()) objective.prepare(sampler.sharp_and_smooth());
    Adam adam(store, AdamOptions{}, sampler.steps_per_epoch());
    StepClock clock(test_device());
    sampler.begin_epoch(0);
    clock.set({0, 0});

    const std::int64_t elements = store.gradients().elements();
    FinishedGradients finished(store);
    std::vector<std::pair<std::int64_t, std::vector<float>>> snapshots;
    compute_gradients({*model, objective, store, adam}, sampler.batch(clock), [&] {
        const std::int64_t first = finished.first();
        if (first == elements || (!snapshots.empty() && first == snapshots.back().first)) return;
        snapshots.emplace_back(first, store.gradients().view(first, {elements - first}).to_vector<float>());
    });
    const std::vector<float> all = store.gradients().to_vector<float>();
    REQUIRE(snapshots.size() >= 8);  // the filters, and most of EDSR's nine convolutions
    CHECK(snapshots.back().first == 0);
    for (const auto& [first, values] : snapshots)
        CHECK(reference::same_bits(values, {all.begin() + static_cast<std::ptrdiff_t>(first), all.end()}));
}

TEST_CASE("pieces of any size are summed to the same bits as whole arrays") {
    for (const int processes : {1, 2, 4})
        for (const std::int64_t piece : {1, 100, static_cast<int>(shard_elements)}) {
            INFO(processes << " processes, pieces of " << piece);
            std::vector<std::vector<float>> totals(static_cast<std::size_t>(processes));
            in_processes(processes, [&](Processes& process) {
                const Shards shards(8, process);
                const ShardSum others = without_last(shards);
                const Tensor last = tensor_of(shards.first() + shards.own() - 1),
                             received = Tensor::empty({elements_received(last.elements())}, DType::float32,
                                                      test_device());
                GradientExchange exchange(others, last, received);
                for (std::int64_t end = last.elements(); end > 0;) {
                    const std::int64_t first = end - std::min(piece, end);
                    exchange.send(first, end - first);
                    end = first;
                }
                exchange.finish();
                totals[static_cast<std::size_t>(process.rank())] = last.to_vector<float>();
            });
            for (const auto& total : totals) CHECK(reference::same_bits(total, sum_by_halves(0, 8)));
        }
}

namespace {

/// The first of two processes, without the second.
struct FirstOfTwo : Processes {
    int rank() const override { return 0; }
    int count() const override { return 2; }
    void add_up(const Tensor&) override {}
    bool any(bool value) override { return value; }
};

/// The exchange of a process that has one shard of two elements.
struct OneShard {
    explicit OneShard(Processes& process) : shards(2, process) {}
    Shards shards;
    ShardSum others{shards};
    Tensor gradients = Tensor::zeros({2}, DType::float32, test_device()),
           received = Tensor::zeros({1}, DType::float32, test_device());
    GradientExchange exchange{others, gradients, received};
};

}  // namespace

TEST_CASE("a piece is exchanged while the process computes the next one") {
    struct Counting final : FirstOfTwo {
        void exchange(int, const Tensor&, const Tensor&) override { ++messages; }
        std::atomic<int> messages = 0;
    } process;
    OneShard own(process);
    own.exchange.send(1, 1);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (process.messages < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK(process.messages == 2);  // half of the piece there, and the sum back
    own.exchange.finish();
}

TEST_CASE("an error of the exchange is one of the step") {
    struct Broken final : FirstOfTwo {
        void exchange(int, const Tensor&, const Tensor&) override { throw Error("the line is dead"); }
    } broken;
    OneShard own(broken);
    own.exchange.send(1, 1);
    own.exchange.send(0, 1);
    CHECK_THROWS_WITH(own.exchange.finish(), "the line is dead");
}
