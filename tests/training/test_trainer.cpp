#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "base/options_json.hpp"
#include "imaging/picture.hpp"
#include "inference/trained_network.hpp"
#include "tests/catch.hpp"
#include "tests/model_options.hpp"
#include "tests/test_device.hpp"
#include "tests/training/small_run.hpp"
#include "training/run_history.hpp"
#include "training/sample_pictures.hpp"
#include "training/trainer.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

auto never = [] { return false; };
auto nobody = [](const TrainingProgress&) {};

/// Computes at half the resolution, on patches whose sides are odd.
TrainingSettings low_resolution_settings() {
    TrainingSettings settings = small_settings("NP");
    settings.model = unshuffled_edsr(1, 4, 2);
    settings.patch = 15;
    return settings;
}

}  // namespace

TEST_CASE("a run stopped at any step resumes bitwise identically to an uninterrupted run") {
    for (const TrainingSettings& settings :
         {small_settings("NP"), small_settings("AP"), low_resolution_settings()}) {
        INFO(settings.objective.variant << ", patch " << settings.patch);
        testing::TemporaryFolder folder;
        Trainer whole(settings, small_split(), test_device(), folder / "whole", "test");
        REQUIRE(whole.run(nobody, never));
        const std::int64_t steps = whole.total_steps();
        REQUIRE(steps > 6);
        for (std::int64_t stop_at : {std::int64_t{1}, steps / 2, steps - 1}) {
            INFO("stopped after step " << stop_at);
            const fs::path out = folder / ("stopped" + std::to_string(stop_at));
            std::int64_t done = 0;
            Trainer first(settings, small_split(), test_device(), out, "test");
            REQUIRE_FALSE(first.run(nobody, [&] { return ++done == stop_at; }));
            REQUIRE_FALSE(fs::exists(out / "weights.safetensors"));
            Trainer second(settings, small_split(), test_device(), out, "test",
                           out / "checkpoint.safetensors");
            REQUIRE(second.run(nobody, never));
            REQUIRE(bytes_of(out / "weights.safetensors") == bytes_of(folder / "whole/weights.safetensors"));
            REQUIRE(bytes_of(out / "checkpoint.safetensors") ==
                    bytes_of(folder / "whole/checkpoint.safetensors"));
            REQUIRE(step_lines(out / "log.jsonl") == step_lines(folder / "whole/log.jsonl"));
        }
    }
}

TEST_CASE("an interrupted validation saves the run, and the resumed run scores the epoch") {
    const TrainingSettings settings = small_settings("NP");
    testing::TemporaryFolder folder;
    Trainer whole(settings, small_split(), test_device(), folder / "whole", "test");
    REQUIRE(whole.run(nobody, never));
    const std::int64_t epoch = whole.sampler().steps_per_epoch();
    for (const std::int64_t epochs : {std::int64_t{1}, whole.total_steps() / epoch}) {
        INFO("in the validation after epoch " << epochs);
        const fs::path out = folder / ("stopped" + std::to_string(epochs));
        std::int64_t steps = 0, asked_since = 0;
        Trainer first(settings, small_split(), test_device(), out, "test", {}, {.steps_between_reads = 1});
        // After a step it is asked once, after the last step of an epoch once more for each held-out slice.
        REQUIRE_FALSE(first.run([&](const TrainingProgress& p) { steps = p.step, asked_since = 0; },
                                [&] { return ++asked_since == 3 && steps == epochs * epoch - 1; }));
        Trainer second(settings, small_split(), test_device(), out, "test", out / "checkpoint.safetensors");
        REQUIRE(second.run(nobody, never));
        REQUIRE(bytes_of(out / "weights.safetensors") == bytes_of(folder / "whole/weights.safetensors"));
        REQUIRE(step_lines(out / "log.jsonl") == step_lines(folder / "whole/log.jsonl"));
        const RunHistory resumed = read_run_history(out / "log.jsonl"),
                         undisturbed = read_run_history(folder / "whole/log.jsonl");
        REQUIRE(resumed.psnr_db.step == undisturbed.psnr_db.step);
        REQUIRE(resumed.psnr_db.value == undisturbed.psnr_db.value);
    }
}

TEST_CASE("pictures of epochs are evenly spaced, contain the last one and are at most twelve") {
    for (std::int64_t epochs = 1; epochs <= 60; ++epochs) {
        INFO(epochs);
        std::vector<std::int64_t> chosen;
        for (std::int64_t epoch = 1; epoch <= epochs; ++epoch)
            if (is_sampled(epoch, epochs)) chosen.push_back(epoch);
        REQUIRE(chosen.back() == epochs);
        REQUIRE(chosen.size() == static_cast<std::size_t>(std::min<std::int64_t>(epochs, 12)));
        for (std::size_t i = 0; i < chosen.size(); ++i)
            REQUIRE(std::abs(static_cast<double>(chosen[i]) / static_cast<double>(epochs) -
                             static_cast<double>(i + 1) / static_cast<double>(chosen.size())) <
                    1.0 / static_cast<double>(epochs));
    }
}

TEST_CASE("sample pictures show the scored slices and survive an interruption") {
    testing::TemporaryFolder folder;
    const TrainingSettings settings = small_settings("NP");
    const fs::path whole_run = folder / "whole", stopped_run = folder / "stopped";
    Trainer whole(settings, small_split(), test_device(), whole_run, "test");
    REQUIRE(whole.run(nobody, never));
    std::int64_t done = 0;
    Trainer first(settings, small_split(), test_device(), stopped_run, "test");
    REQUIRE_FALSE(first.run(nobody, [&] { return ++done == whole.total_steps() - 1; }));
    Trainer second(settings, small_split(), test_device(), stopped_run, "test",
                   stopped_run / "checkpoint.safetensors");
    REQUIRE(second.run(nobody, never));

    const auto pictures = [](const fs::path& of_run) {
        std::set<fs::path> names;
        for (const auto& entry : fs::directory_iterator(of_run / "samples"))
            names.insert(entry.path().filename());
        return names;
    };
    CHECK(pictures(stopped_run) == pictures(whole_run));
    const RunHistory run = read_run_history(whole_run / "log.jsonl");
    REQUIRE(run.sample_psnr_db.size() == static_cast<std::size_t>(settings.epochs) + 1);
    for (const auto& [step, scores] : run.sample_psnr_db) {
        INFO("step " << step);
        REQUIRE(scores.size() == 2);
        for (std::size_t number = 1; number <= scores.size(); ++number) {
            const fs::path picture = sample_picture(whole_run, number, step_name(step));
            REQUIRE(bytes_of(picture) == bytes_of(sample_picture(stopped_run, number, step_name(step))));
            // Pictures are clipped at the percentiles, so their score is only near that of the slices.
            const auto truth = imaging::read_picture(sample_picture(whole_run, number, "truth"));
            const auto shown = imaging::read_picture(picture);
            double squares = 0.0;
            for (std::size_t i = 0; i < truth.image.pixels.size(); ++i)
                squares += std::pow((truth.image.pixels[i] - shown.image.pixels[i]) / 65535.0, 2);
            const double psnr = -10 * std::log10(squares / static_cast<double>(truth.image.pixels.size()));
            REQUIRE(std::abs(psnr - scores[number - 1]) < 0.3);
        }
    }
    // The slice that the log names, its rows from the last to the first.
    const Subject& subject = whole.split().validation.at(0);
    const auto slice = std::ranges::find(subject.slices, run.start["samples"][0]["slice"].get<int>(),
                                         [](const SlicePair& pair) { return pair.index; });
    REQUIRE(slice != subject.slices.end());
    const imaging::Image truth = imaging::read_picture(sample_picture(whole_run, 1, "truth")).image;
    REQUIRE((truth.height == slice->target.height && truth.width == slice->target.width));
    for (int x = 0; x < truth.width; ++x) {
        const float level = subject.reference_range.apply(slice->target.at(30, x));
        REQUIRE(std::abs(truth.at(truth.height - 31, x) - 65535 * std::clamp(level, 0.0f, 1.0f)) < 1.0f);
    }
    REQUIRE(lines_of(stopped_run / "log.jsonl", "resume").size() == 1);
    REQUIRE(lines_of(stopped_run / "log.jsonl", "end").size() == 2);
    REQUIRE(lines_of(stopped_run / "log.jsonl", "end")[1]["finished"] == true);
}

TEST_CASE("a run of a given number of steps ends within an epoch and resumes bitwise identically") {
    testing::TemporaryFolder folder;
    TrainingSettings settings = small_settings("NP");
    settings.schedule = Schedule::cosine;
    Trainer by_epochs(settings, small_split(), test_device(), folder / "epochs", "test");
    const std::int64_t per_epoch = by_epochs.sampler().steps_per_epoch();
    REQUIRE(per_epoch > 1);
    settings.steps = static_cast<int>(per_epoch) + 1;
    Trainer whole(settings, small_split(), test_device(), folder / "whole", "test");
    REQUIRE(whole.total_steps() == settings.steps);
    REQUIRE(whole.run(nobody, never));
    const auto epochs = lines_of(folder / "whole/log.jsonl", "epoch");
    REQUIRE(epochs.size() == 2);  // The end of the run is scored, too.
    REQUIRE(epochs.back()["step"] == settings.steps);
    REQUIRE(epochs.back()["epoch"] == 2);
    // The cosine falls to zero at the end of the run: its last step has ½(1 + cos(π(n − 1)/n)).
    const double last = step_lines(folder / "whole/log.jsonl").back()["lr"];
    const double n = settings.steps;
    REQUIRE(std::abs(last / settings.learning_rate - 0.5 * (1.0 + std::cos(std::numbers::pi * (n - 1) / n))) <
            1e-12);

    std::int64_t done = 0;
    Trainer first(settings, small_split(), test_device(), folder / "stopped", "test");
    REQUIRE_FALSE(first.run(nobody, [&] { return ++done == per_epoch; }));
    Trainer second(settings, small_split(), test_device(), folder / "stopped", "test",
                   folder / "stopped/checkpoint.safetensors");
    REQUIRE(second.run(nobody, never));
    REQUIRE(bytes_of(folder / "stopped/weights.safetensors") ==
            bytes_of(folder / "whole/weights.safetensors"));
}

TEST_CASE("training lowers the loss, beats bicubic interpolation and allocates nothing after its start") {
    testing::TemporaryFolder folder;
    TrainingSettings settings = small_settings("NP");
    settings.model = {"srcnn", 0, 0, true};
    // The CUDA emulator is slow, so it trains only until the loss has decreased.
    const bool on_cpu = test_device().kind == DeviceKind::cpu;
    settings.epochs = on_cpu ? 12 : 3;
    settings.patches_per_slice = on_cpu ? 8 : 2;
    Trainer trainer(settings, small_split(), test_device(), folder / "run", "test");
    std::vector<std::size_t> allocations;
    REQUIRE(trainer.run(
        [&](const TrainingProgress&) {
            allocations.push_back(arena_statistics(test_device()).system_allocations);
        },
        never));
    REQUIRE(trainer.validation().psnr_db > trainer.bicubic().psnr_db + (on_cpu ? 0.5 : 0.05));
    const auto per_epoch = static_cast<std::size_t>(trainer.sampler().steps_per_epoch());
    REQUIRE(allocations.back() == allocations[2 * per_epoch]);
    const auto lines = step_lines(folder / "run/log.jsonl");
    REQUIRE(lines.size() == static_cast<std::size_t>(trainer.total_steps()));
    REQUIRE(lines.back()["terms"].contains("data"));
}

TEST_CASE("LFMRI trains with and without labels, and its weights file says that it has no global skip") {
    for (const bool labels : {true, false}) {
        INFO("labels " << labels);
        testing::TemporaryFolder folder;
        TrainingSettings settings = small_settings("NP");
        settings.model = {"lfmri", 0, 0, true};
        OptionReader reader({{"name", "lfmri"}, {"lfmri_labels", labels}});
        settings.model.visit(reader);
        settings.epochs = test_device().kind == DeviceKind::cpu ? 8 : 1;
        const auto features = labels ? InputFeatures::intensity_and_tissues : InputFeatures::intensity;
        const imaging::Volume head = testing::synthetic_head(56, 64, 30);
        Trainer trainer(settings,
                        split_subjects({make_subject(head, settings.degradation.make(), 2, features)}, 1),
                        test_device(), folder / "run", "test");
        const double before = trainer.validation().psnr_db;
        REQUIRE(trainer.run(nobody, never));
        CHECK(trainer.validation().psnr_db > before);
        const RunDescription run = read_run_description(folder / "run/weights.safetensors");
        CHECK_FALSE(run.settings.model.global_skip);
        CHECK(load_network(folder / "run/weights.safetensors", test_device()).model->input_channels() ==
              (labels ? 4 : 1));
    }
}

TEST_CASE("the log names every term, its gradient norm and the filters' norms") {
    testing::TemporaryFolder folder;
    TrainingSettings settings = small_settings("AP");
    settings.epochs = 1;
    Trainer trainer(settings, small_split(), test_device(), folder / "run", "test");
    trainer.run(nobody, never);
    const auto line = step_lines(folder / "run/log.jsonl").back();
    for (const char* term : {"data", "low_rank", "learned_sharpness", "filter_measure"}) {
        INFO(term);
        REQUIRE(line["terms"][term].is_number());
        REQUIRE(line["gradient_norm"][term].get<double>() > 0.0);
    }
    REQUIRE(line["parameter_gradient_norm"]["network"].get<double>() > 0.0);
    REQUIRE(line["parameter_gradient_norm"]["filters"].get<double>() > 0.0);
    REQUIRE(line["filter_norms"].size() == 8);
}

TEST_CASE("a loss that is not finite stops the run, and the error names the term") {
    testing::TemporaryFolder folder;
    TrainingSettings settings = small_settings("LR");
    settings.learning_rate = 1e30;
    Trainer trainer(settings, small_split(), test_device(), folder / "run", "test");
    try {
        trainer.run(nobody, never);
        FAIL("the run should have stopped");
    } catch (const Error& error) {
        INFO(error.what());
        REQUIRE(std::string(error.what()).find("'data'") != std::string::npos);
    }
    REQUIRE_FALSE(fs::exists(folder / "run/weights.safetensors"));
}
