// Gradients of the shards of a batch, summed over processes. Threads stand in for processes.
#include "training/shards.hpp"

#include <barrier>
#include <cstring>
#include <thread>

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"
#include "tests/training/small_run.hpp"
#include "training/trainer.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

/// Processes of one program. Each runs in a thread of its own.
struct Together {
    explicit Together(int count) : sent(static_cast<std::size_t>(count)), all(count) {}
    std::vector<const void*> sent;
    std::barrier<> all;
};
class ThreadProcess final : public Processes {
  public:
    ThreadProcess(Together& together, int rank) : together_(together), rank_(rank) {}
    int rank() const override { return rank_; }
    int count() const override { return static_cast<int>(together_.sent.size()); }
    void exchange(int other, const void* send, void* receive, std::size_t bytes) override {
        together_.sent[static_cast<std::size_t>(rank_)] = send;
        together_.all.arrive_and_wait();
        std::memcpy(receive, together_.sent[static_cast<std::size_t>(other)], bytes);
        together_.all.arrive_and_wait();
    }
    void add_up(std::span<float> values) override { add_up_all(values); }
    void add_up(std::span<double> values) override { add_up_all(values); }
    bool any(bool value) override {
        together_.sent[static_cast<std::size_t>(rank_)] = value ? this : nullptr;
        together_.all.arrive_and_wait();
        bool result = false;
        for (const void* flag : together_.sent) result = result || flag != nullptr;
        together_.all.arrive_and_wait();
        return result;
    }

  private:
    /// In the order of the ranks, from the last one on.
    template <class T>
    void add_up_all(std::span<T> values) {
        const std::vector<T> own(values.begin(), values.end());
        together_.sent[static_cast<std::size_t>(rank_)] = own.data();
        together_.all.arrive_and_wait();
        std::fill(values.begin(), values.end(), T(0));
        for (int other = count() - 1; other >= 0; --other)
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] += static_cast<const T*>(together_.sent[static_cast<std::size_t>(other)])[i];
        together_.all.arrive_and_wait();
    }

    Together& together_;
    int rank_;
};

/// body(process) in `count` processes.
template <class Body>
void in_processes(int count, const Body& body) {
    Together together(count);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < count; ++rank)
        threads.emplace_back([&, rank] {
            ThreadProcess process(together, rank);
            body(process);
        });
    for (std::thread& thread : threads) thread.join();
}

std::vector<float> array_of(int shard) {
    return reference::cast<float>(reference::uniform(1001, static_cast<std::uint64_t>(shard) + 1));
}

/// Sum of the arrays of shards first … first + count − 1 by halves.
std::vector<float> sum_by_halves(int first, int count) {
    if (count == 1) return array_of(first);
    std::vector<float> sum = sum_by_halves(first, count / 2);
    const std::vector<float> right = sum_by_halves(first + count / 2, count / 2);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += right[i];
    return sum;
}

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
                ShardSum<float> sum(own);
                for (int shard = own.first(); shard < own.first() + own.own(); ++shard)
                    sum.add(array_of(shard));
                totals[static_cast<std::size_t>(process.rank())] = sum.total();
            });
            for (const auto& total : totals) CHECK(reference::same_bits(total, expected));
        }
    }
}

TEST_CASE("shards that processes cannot share are refused") {
    CHECK_THROWS_WITH(Shards(3, one_process()), Catch::Contains("--shards 3: expected a power of two"));
    CHECK_THROWS_WITH(Shards(0, one_process()), Catch::Contains("--shards 0: expected a positive number"));
    Together four(4), three(3);
    ThreadProcess of_four(four, 0), of_three(three, 0);
    CHECK_THROWS_WITH(Shards(2, of_four), Catch::Contains("4 processes cannot share 2 shards of a batch"));
    CHECK_THROWS_WITH(Shards(1, of_four), Catch::Contains("4 processes cannot share one shard of a batch"));
    CHECK_THROWS_WITH(Shards(4, of_three), Catch::Contains("start a power of two of them"));
    CHECK_THROWS_WITH(Shards(4, of_three, ReductionOrder::fast),
                      Catch::Contains("--shards must be a multiple"));
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
                      Catch::Contains("batch normalisation of the model dcsrn needs the whole batch"));
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
