#include "tools/report/training.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/json.hpp"
#include "imaging/picture.hpp"
#include "priors/objective.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "tools/report/page.hpp"
#include "tools/report/pages.hpp"
#include "tools/report/training_settings.hpp"
#include "training/run_history.hpp"
#include "training/sample_pictures.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t max_points = 800;  // of a curve
constexpr double white_error_share = 0.995;

/// A curve: means over `window` steps each, at their last steps. Values that are not finite are null.
Json curve(const std::string& name, const StepSeries& series, double factor = 1.0) {
    const std::size_t count = series.value.size(), window = (count + max_points - 1) / max_points;
    Json step = Json::array(), value = Json::array();
    for (std::size_t first = 0; first < count; first += window) {
        const std::size_t end = std::min(count, first + window);
        double sum = 0.0;
        for (std::size_t i = first; i < end; ++i) sum += series.value[i];
        step.push_back(series.step[end - 1]);
        value.push_back(factor * (sum / static_cast<double>(end - first)));
    }
    return {{"name", name}, {"window", window}, {"step", step}, {"value", value}};
}

Json level(const std::string& name, double value, double last_step) {
    return {{"name", name},
            {"window", 1},
            {"dashed", true},
            {"step", {0.0, last_step}},
            {"value", {value, value}}};
}

Json chart(const char* title, const char* unit, bool logarithmic, Json curves) {
    return {{"title", title}, {"unit", unit}, {"log", logarithmic}, {"curves", std::move(curves)}};
}

std::string signed_text(double weight) {
    return fmt::format("{}{:g}", weight < 0 ? "−" : "", std::abs(weight));
}

Json charts(const RunHistory& run, const TrainingSettings& settings) {
    const auto last = static_cast<double>(std::max<std::int64_t>(run.step, 1));
    const nlohmann::json& input = run.start.at("bicubic");
    ParameterStore unused;
    Json terms = Json::array(), term_norms = Json::array(), norms = Json::array();
    for (const Objective::Term& term : Objective(settings.objective, unused).terms()) {
        if (const auto found = run.terms.find(term.name); found != run.terms.end())
            terms.push_back(curve(signed_text(term.weight) + " · " + term.name, found->second, term.weight));
        if (const auto found = run.term_gradient_norms.find(term.name);
            found != run.term_gradient_norms.end())
            term_norms.push_back(curve(term.name, found->second));
    }
    for (const char* group : {"network", "filters"})
        if (const auto found = run.parameter_gradient_norms.find(group);
            found != run.parameter_gradient_norms.end())
            norms.push_back(curve(group, found->second));
    const bool positive = std::ranges::all_of(run.loss.value, [](double x) { return x > 0; });
    Json all = {chart("Training loss", "", positive, Json::array({curve("loss", run.loss)})),
                chart("Held-out PSNR", "dB", false,
                      {curve("network", run.psnr_db), level("input", input.at("psnr_db"), last)}),
                chart("Held-out SSIM", "", false,
                      {curve("network", run.ssim), level("input", input.at("ssim"), last)}),
                chart("Terms of the loss, weight · value", "absolute values", true, terms),
                chart("Gradient norm of the loss with respect to the parameters", "", true, norms),
                chart("Gradient norm of each weighted term with respect to the output", "", true, term_norms),
                chart("Learning rate of the network", "", false,
                      Json::array({curve("learning rate", run.learning_rate)}))};
    std::erase_if(all.get_ref<Json::array_t&>(), [](const Json& c) { return c["curves"].empty(); });
    return all;
}

/// Evenly spaced steps of the pictures, the first and the last among them.
std::vector<std::int64_t> shown_steps(const RunHistory& run) {
    std::vector<std::int64_t> all, shown;
    for (const auto& [step, scores] : run.sample_psnr_db) all.push_back(step);
    constexpr std::size_t count = max_sampled_epochs + 1;
    if (all.size() <= count) return all;
    for (std::size_t i = 0; i < count; ++i) shown.push_back(all[i * (all.size() - 1) / (count - 1)]);
    return shown;
}

/// A picture of the folder samples/, in its intensity range of 0 to 1.
imaging::Image read_sample(const fs::path& run, std::size_t number, const std::string& what) {
    imaging::Image image = imaging::read_picture(sample_picture(run, number, what)).image;
    for (float& x : image.pixels) x /= 65535.0f;
    return image;
}

imaging::Image error_of(imaging::Image image, const imaging::Image& truth) {
    require(image.pixels.size() == truth.pixels.size(), "[report] sample pictures differ in size");
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = std::abs(image.pixels[i] - truth.pixels[i]);
    return image;
}

float percentile(std::vector<float> values, double share) {
    const auto rank =
        values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), rank, values.end());
    return *rank;
}

Json sample(const fs::path& folder, const RunHistory& run, std::size_t number) {
    const nlohmann::json& slice = run.start.at("samples").at(number - 1);
    const imaging::Image truth = read_sample(folder, number, "truth"),
                         input = read_sample(folder, number, "input");
    const imaging::Image input_error = error_of(input, truth);
    const float white = std::max(1e-6f, percentile(input_error.pixels, white_error_share));
    Json frames = Json::array();
    for (const std::int64_t step : shown_steps(run)) {
        const imaging::Image image = read_sample(folder, number, step_name(step));
        frames.push_back({{"step", step},
                          {"psnr_db", run.sample_psnr_db.at(step).at(number - 1)},
                          {"image", png_url(image, 0.0f, 1.0f)},
                          {"error", png_url(error_of(image, truth), 0.0f, white)}});
    }
    return {{"caption",
             fmt::format("{}, slice {}", slice.at("file").get<std::string>(), slice.at("slice").get<int>())},
            {"white", white},
            {"width", truth.width},
            {"height", truth.height},
            {"truth", png_url(truth, 0.0f, 1.0f)},
            {"input", png_url(input, 0.0f, 1.0f)},
            {"input_error", png_url(input_error, 0.0f, white)},
            {"input_psnr_db", slice.at("input_psnr_db")},
            {"frames", frames}};
}

/// Puts the samples into `data`, or the reason why there are none.
void add_samples(Json& data, const fs::path& folder, const RunHistory& run) {
    data["samples"] = Json::array();
    if (!run.start.contains("samples")) {
        data["no_samples"] = "The run has no sample pictures: an older version made it.";
        return;
    }
    try {
        for (std::size_t number = 1; number <= run.start["samples"].size(); ++number)
            data["samples"].push_back(sample(folder, run, number));
    } catch (const std::exception& error) {
        data["samples"] = Json::array();
        data["no_samples"] = std::string("The sample pictures cannot be read: ") + error.what();
    }
}

std::int64_t total_steps(const RunHistory& run, const TrainingSettings& settings) {
    return settings.steps > 0 ? settings.steps
                              : settings.epochs * run.start.at("steps_per_epoch").get<std::int64_t>();
}

std::vector<std::string> warnings(const RunHistory& run, std::int64_t total) {
    std::vector<std::string> all;
    if (run.step < total)
        all.push_back(fmt::format("{} of {} steps are done: the run {}. train_dnsp --resume continues it.",
                                  run.step, total,
                                  run.ended ? "was interrupted" : "was stopped, failed or is still running"));
    if (!run.no_graph_reason.empty())
        all.push_back("Steps did not run as a CUDA graph: " + run.no_graph_reason);
    const double input = run.start.at("bicubic").at("psnr_db"), network = run.psnr_db.value.back();
    if (!(network > input))
        all.emplace_back("On the held-out slices the network is no better than its input.");
    return all;
}

Json facts(const RunHistory& run, std::int64_t total) {
    const nlohmann::json& input = run.start.at("bicubic");
    const double psnr_db = run.psnr_db.value.back(), ssim = run.ssim.value.back();
    const double rate = run.seconds > 0 ? static_cast<double>(run.timed_steps) / run.seconds : 0.0;
    const auto per_epoch = static_cast<double>(run.start.at("steps_per_epoch"));
    return {{{"name", "Held-out PSNR"},
             {"value", fmt::format("{:.2f} dB", psnr_db)},
             {"note", fmt::format("{:+.2f} dB over the input", psnr_db - input.at("psnr_db").get<double>())}},
            {{"name", "Held-out SSIM"},
             {"value", fmt::format("{:.4f}", ssim)},
             {"note", fmt::format("{:+.4f} over the input", ssim - input.at("ssim").get<double>())}},
            {{"name", "Steps"},
             {"value", fmt::format("{} of {}", run.step, total)},
             {"note", fmt::format("{:.3g} epochs", static_cast<double>(run.step) / per_epoch)}},
            {{"name", "Parameters"},
             {"value", fmt::format("{}", run.start.at("parameters").get<std::int64_t>())},
             {"note", "of the network"}},
            {{"name", "Time"},
             {"value", duration_text(run.seconds)},
             {"note", fmt::format("{:.3g} steps/s with validation", rate)}}};
}

Json record(const RunHistory& run) {
    Json rows = Json::array();
    const auto add = [&](const char* key, const char* name) {
        if (!run.start.contains(key)) return;
        const nlohmann::json& value = run.start[key];
        std::string text = value.is_string() ? value.get<std::string>() : json_text(value);
        if (value.is_array())
            text = fmt::format("{}", fmt::join(value.get<std::vector<std::string>>(), ", "));
        rows.push_back({name, text});
    };
    add("command", "command");
    add("version", "version");
    add("device", "device");
    add("split", "data");
    add("training_files", "trained on");
    add("held_out_files", "held out");
    add("training_slices", "training slices");
    add("steps_per_epoch", "steps per epoch");
    if (!run.resumed_at.empty())
        rows.push_back({"resumed", fmt::format("after step {}", fmt::join(run.resumed_at, ", "))});
    return rows;
}

}  // namespace

Json training_report_data(const fs::path& log) {
    const RunHistory run = read_run_history(log);
    try {
        const TrainingSettings settings = logged_settings(run.start.at("settings"));
        const std::int64_t total = total_steps(run, settings);
        Json data = {{"title", fmt::format("Training of {} under {}", settings.model.name,
                                           settings.objective.variant)},
                     {"warnings", warnings(run, total)},
                     {"facts", facts(run, total)},
                     {"charts", charts(run, settings)}};
        add_samples(data, log.parent_path(), run);
        data["record"] = record(run);
        data["settings"] =
            settings_table(settings, run.start.at("device").get<std::string>().starts_with("cuda"));
        return data;
    } catch (const nlohmann::json::exception&) {
        throw Error(log.string() + ": is not a log of train_dnsp");
    }
}

std::string training_report(const fs::path& log) {
    return html_page(training_page, training_report_data(log));
}

void require_report_path(const fs::path& path, bool force) {
    require(path.extension() == ".html" || path.extension() == ".htm",
            path.string() + ": a report is a page of HTML, expected a name that ends in .html");
    require_free(path, force);
}

}  // namespace dnsp::tools
