// Readers of text: settings and records in JSON, logs, tables of scores, slice profiles, command lines.
#include <nlohmann/json.hpp>

#include "base/options_json.hpp"
#include "imaging/through_plane.hpp"
#include "inference/seen_scans.hpp"
#include "statistics/csv.hpp"
#include "statistics/score_table.hpp"
#include "statistics/scores.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tools/method.hpp"
#include "tools/option_parser.hpp"
#include "training/data_record.hpp"
#include "training/run_history.hpp"
#include "training/run_log.hpp"
#include "training/settings.hpp"

namespace dnsp::fuzz {
namespace {

using nlohmann::json;

/// What a weights file or a checkpoint holds as JSON.
void run_settings(Bytes bytes) {
    const json content = json::parse(bytes.begin(), bytes.end(), nullptr, false);
    if (content.is_discarded()) return;
    TrainingSettings settings;
    if (accepts([&] {
            OptionReader reader(content);
            settings.visit(reader);
        })) {
        const json written = to_json(settings);
        TrainingSettings again;
        OptionReader reader(written);
        again.visit(reader);
        expect(to_json(again) == written, "settings that were written are read otherwise");
        accepts([&] { imaging::validate(settings.degradation.make()); });
    }
    accepts([&] { static_cast<void>(to_json(seen_scans_of(content))); });
    try {
        static_cast<void>(to_json(data_record_of(content)));
    } catch (const json::exception&) {  // as its contract says
    }
}

void run_log(Bytes bytes) {
    static InputFile file("log.jsonl");
    const auto& path = file.write(bytes);
    const bool readable = accepts([&] { static_cast<void>(read_run_history(path)); });
    accepts([&] { RunLog(path, 3).write({{"event", "resume"}, {"step", 3}}); });
    if (readable) accepts([&] { static_cast<void>(read_run_history(path)); });
}

void run_scores(Bytes bytes) {
    static InputFile file("scores.csv");
    const auto& path = file.write(bytes);
    std::vector<statistics::Score> scores;
    if (accepts([&] { scores = statistics::read_scores({path}); }))
        accepts([&] { static_cast<void>(statistics::make_score_table(scores)); });
}

void run_profile(Bytes bytes) {
    static InputFile file("profile.txt");
    imaging::ThroughPlaneSettings settings;
    settings.profile = imaging::SliceProfile::measured;
    settings.profile_file = file.write(bytes);
    accepts([&] {
        settings.read_profile();
        static_cast<void>(settings.make());
    });
}

/// One word a line; a program's words end at a zero.
void run_command_line(Bytes bytes) {
    std::vector<std::string> words;
    const std::string text = text_of(bytes);
    for (std::size_t start = 0, end = 0; end != std::string::npos && words.size() < 64; start = end + 1) {
        end = text.find('\n', start);
        words.emplace_back(text.substr(start, end - start).c_str());
    }
    accepts([&] { static_cast<void>(tools::classical_method(words.front(), imaging::Degradation{})); });
    struct Parser {
        CLI::App app;
        tools::OptionParser options{app};
        Parser() { options.add(TrainingSettings{}); }
    };
    static Parser parser;  // it takes milliseconds to make; each parse forgets the last one
    TrainingSettings settings;
    std::reverse(words.begin(), words.end());
    try {
        parser.app.parse(words);
    } catch (const CLI::Error&) {  // run_tool() turns it into a sentence
        return;
    }
    if (!accepts([&] { parser.options.apply(settings); })) return;
    const json written = to_json(settings);
    TrainingSettings again;
    if (!accepts([&] {
            OptionReader reader(written);
            again.visit(reader);
        }))
        expect(false, "settings of a command line that a checkpoint cannot hold");
    expect(to_json(again) == written, "settings of a command line are recorded otherwise");
}

const FuzzTargetRegistration settings_target{{"settings", run_settings, nullptr}};
const FuzzTargetRegistration log_target{{"log", run_log, nullptr}};
const FuzzTargetRegistration scores_target{{"scores", run_scores, nullptr}};
const FuzzTargetRegistration profile_target{{"profile", run_profile, nullptr}};
const FuzzTargetRegistration command_line_target{{"command-line", run_command_line, nullptr}};

}  // namespace
}  // namespace dnsp::fuzz
