// Gradients of the shards of a batch, summed over processes. Threads stand in for processes.
#include "training/shards.hpp"

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"
#include "tests/training/processes.hpp"
#include "tests/training/small_run.hpp"
#include "training/trainer.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

TrainingSettings sharded_settings(int shards) {
    TrainingSettings settings = small_settings("AP");
    settings.batch = 8;
    settings.shards = shards;
    settings.epochs = 2;
    return settings;
}

/// Weights, checkpoint and the log's steps of a run.
struct Result {
    std::string weights, checkpoint;
    std::vector<nlohmann::json> steps;
    bool operator==(const Result&) const = default;
};
Result result_in(const fs::path& folder) {
    return {bytes_of(folder / "weights.safetensors"), bytes_of(folder / "checkpoint.safetensors"),
            step_lines(folder / "log.jsonl")};
}

/// Trains in `folder`. In several processes nothing may throw: they would wait for each other.
void train(const TrainingSettings& settings, Processes& processes, const fs::path& folder,
           const fs::path& resume = {}, std::int64_t stop_after = -1) {
    Trainer trainer(settings, small_split(), test_device(), folder, "test", resume, {}, nullptr, processes);
    std::int64_t steps = 0;
    trainer.run([&](const TrainingProgress&) { ++steps; },
                [&] { return processes.is_first() && stop_after >= 0 && steps >= stop_after; });
}

Result run(const TrainingSettings& settings, const fs::path& folder, const fs::path& resume = {}) {
    train(settings, one_process(), folder, resume);
    return result_in(folder);
}

}  // namespace

TEST_CASE("arrays of shards are summed by halves, in the same order for any number of processes") {
    for (const int shards : {1, 2, 4, 8, 16}) {
        const std::vector<float> expected = sum_by_halves(0, shards);
        for (int processes = 1; processes <= shards; processes *= 2) {
            INFO(shards << " shards, " << processes << " processes");
            std::vector<std::vector<float>> totals(static_cast<std::size_t>(processes));
            in_processes(processes, [&](Processes& process) {
                const Shards own(shards, process);
                const Tensor last = tensor_of(own.first() + own.own() - 1);
                without_last(own).total(last);
                totals[static_cast<std::size_t>(process.rank())] = last.to_vector<float>();
            });
            for (const auto& total : totals) CHECK(reference::same_bits(total, expected));
        }
    }
}

TEST_CASE("shards that processes cannot share are refused") {
    CHECK_THROWS_WITH(Shards(3, one_process()), ContainsSubstring("--shards 3: expected a power of two"));
    CHECK_THROWS_WITH(Shards(0, one_process()), ContainsSubstring("--shards 0: expected a positive number"));
    Together four(4), three(3);
    ThreadProcess of_four(four, 0), of_three(three, 0);
    CHECK_THROWS_WITH(Shards(2, of_four), ContainsSubstring("4 processes cannot share 2 shards of a batch"));
    CHECK_THROWS_WITH(Shards(1, of_four), ContainsSubstring("4 processes cannot share one shard of a batch"));
    CHECK_THROWS_WITH(Shards(4, of_three), ContainsSubstring("start a power of two of them"));
    CHECK_THROWS_WITH(Shards(4, of_three, ReductionOrder::fast),
                      ContainsSubstring("--shards must be a multiple"));
    CHECK(Shards(6, of_three, ReductionOrder::fast).own() == 2);
}

TEST_CASE("a run of four shards writes the same bits with one, two and four processes") {
    testing::TemporaryFolder folder;
    const TrainingSettings settings = sharded_settings(4);
    const Result expected = run(settings, folder / "one");
    REQUIRE(expected.steps.size() >= 4);
    for (const int processes : {2, 4}) {
        INFO(processes << " processes");
        const fs::path out = folder / std::to_string(processes);
        in_processes(processes, [&](Processes& process) { train(settings, process, out); });
        CHECK(result_in(out) == expected);
    }
}

TEST_CASE("three processes sum their shards in the order of the library, to nearly the same gradients") {
    testing::TemporaryFolder folder;
    TrainingSettings settings = sharded_settings(6);
    settings.batch = 12;
    settings.patches_per_slice = 3;
    settings.reduce = ReductionOrder::fast;
    in_processes(3, [&](Processes& process) { train(settings, process, folder / "three"); });
    settings.shards = 1;
    const auto whole = run(settings, folder / "whole").steps.front(),
               shards = result_in(folder / "three").steps.front();
    for (const char* group : {"network", "filters"})
        CHECK(shards.at("parameter_gradient_norm").at(group).get<double>() ==
              Approx(whole.at("parameter_gradient_norm").at(group).get<double>()).epsilon(1e-4));
}

TEST_CASE("a run stopped with two processes resumes with four or one, to the same bits") {
    testing::TemporaryFolder folder;
    const TrainingSettings settings = sharded_settings(4);
    const Result expected = run(settings, folder / "whole");
    const fs::path out = folder / "run", checkpoint = out / "checkpoint.safetensors";
    in_processes(2, [&](Processes& process) { train(settings, process, out, {}, 2); });
    CHECK_FALSE(fs::exists(out / "weights.safetensors"));
    in_processes(4, [&](Processes& process) { train(settings, process, out, checkpoint, 1); });
    const Result resumed = run(settings, out, checkpoint);
    CHECK(resumed == expected);
}

TEST_CASE("gradients and metrics of shards are those of the whole batch") {
    testing::TemporaryFolder folder;
    const Result whole = run(sharded_settings(1), folder / "whole"),
                 shards = run(sharded_settings(4), folder / "shards");
    // The first step: later ones start from weights that differ in the last bits.
    const auto expected = whole.steps.front(), first = shards.steps.front();
    const auto near = [](double value) { return Approx(value).epsilon(1e-4); };
    CHECK(first.at("loss").get<double>() == near(expected.at("loss").get<double>()));
    for (const char* values : {"terms", "gradient_norm", "parameter_gradient_norm"})
        for (const auto& [name, value] : expected.at(values).items()) {
            INFO(values << " " << name);
            CHECK(first.at(values).at(name).get<double>() == near(value.get<double>()));
        }
}

TEST_CASE("shards need a batch that they divide, and a model without batch normalisation") {
    testing::TemporaryFolder folder;
    TrainingSettings settings = sharded_settings(16);
    CHECK_THROWS_WITH(run(settings, folder / "run"), "--shards 16 does not divide --batch 8");
    settings = sharded_settings(2);
    settings.model = {"dcsrn", 0, 0, true};
    CHECK_THROWS_WITH(run(settings, folder / "run"),
                      ContainsSubstring("batch normalisation of the model dcsrn needs the whole batch"));
    CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("processes with different data are refused in all of them") {
    testing::TemporaryFolder folder;
    int refused = 0;
    std::mutex guard;
    in_processes(2, [&](Processes& process) {
        TrainingSettings settings = sharded_settings(4);
        if (!process.is_first()) settings.learning_rate *= 2;
        try {
            train(settings, process, folder / "run");
        } catch (const Error& error) {
            const std::lock_guard lock(guard);
            refused += std::string(error.what()).find("different data or settings") != std::string::npos;
        }
    });
    CHECK(refused == 2);
}
