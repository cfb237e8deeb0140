#include "training/run_history.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "training/run_log.hpp"

namespace dnsp {
namespace {

using nlohmann::json;

/// JSON has no number for values that are not finite: they are null.
double number(const json& value) { return value.is_number() ? value.get<double>() : NAN; }

void add(std::map<std::string, StepSeries>& series, const json& line, const char* key, double step) {
    if (line.contains(key))
        for (const auto& [name, value] : line[key].items()) series[name].add(step, number(value));
}

class Reader {
  public:
    void read(const json& line) {
        const std::int64_t step = logged_step(line);
        const std::string event = line.at("event");
        if (event == "start" || event == "resume")
            begin(line, step, event == "resume");
        else if (event == "step")
            add_step(line);
        else if (event == "epoch")
            score(step, line);
        else if (event == "no_graph")
            history_.no_graph_reason = line.at("reason");
        if (line.contains("seconds")) {
            seconds_ = line["seconds"];
            timed_steps_ = step - first_step_;
        }
        if (line.contains("sample_psnr_db")) {
            std::vector<double>& samples = history_.sample_psnr_db[step];
            samples.clear();
            for (const json& value : line["sample_psnr_db"]) samples.push_back(number(value));
        }
        history_.ended = event == "end";
        history_.step = step;
    }
    RunHistory history() {
        end_process();
        return std::move(history_);
    }

  private:
    void begin(const json& line, std::int64_t step, bool resumed) {
        end_process();
        first_step_ = step;
        history_.no_graph_reason.clear();
        history_.start = line;
        if (resumed) history_.resumed_at.push_back(step);
        if (history_.psnr_db.step.empty() || history_.psnr_db.step.back() < static_cast<double>(step))
            score(step, line.at("validation"));
    }
    void end_process() {
        history_.seconds += seconds_;
        history_.timed_steps += timed_steps_;
        seconds_ = 0.0;
        timed_steps_ = 0;
    }
    void score(std::int64_t step, const json& values) {
        history_.psnr_db.add(static_cast<double>(step), number(values.at("psnr_db")));
        history_.ssim.add(static_cast<double>(step), number(values.at("ssim")));
    }
    void add_step(const json& line) {
        const double step = line.at("step");
        history_.loss.add(step, number(line.at("loss")));
        history_.learning_rate.add(step, number(line.at("lr")));
        add(history_.terms, line, "terms", step);
        add(history_.term_gradient_norms, line, "gradient_norm", step);
        add(history_.parameter_gradient_norms, line, "parameter_gradient_norm", step);
    }

    RunHistory history_;
    double seconds_ = 0.0;  // of this process
    std::int64_t first_step_ = 0, timed_steps_ = 0;
};

}  // namespace

RunHistory read_run_history(const std::filesystem::path& log) {
    require(std::filesystem::exists(log), log.string() + ": cannot be opened");
    const std::vector<std::string> lines = read_lines(log);
    Reader reader;
    try {
        for (const std::string& text : lines) {
            const json line = json::parse(text, nullptr, false);
            if (line.is_object() && line.contains("event")) reader.read(line);
        }
    } catch (const std::exception& error) {
        throw Error(log.string() + ": is not a log of train_dnsp (" + error.what() + ")");
    }
    RunHistory history = reader.history();
    require(!history.start.is_null(), log.string() + ": is not a log of train_dnsp");
    return history;
}

}  // namespace dnsp
