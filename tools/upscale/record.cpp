#include "tools/upscale/record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.hpp"
#include "base/file_reader.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "base/temporary_folder.hpp"
#include "tools/files.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Options that do not change the image. A repeated run leaves them out.
const std::set<std::string> flags_left_out = {"--force", "--bids", "--skip-existing"};
const std::set<std::string> values_left_out = {"--consistency", "--spread", "--save-weights", "--report",
                                               "--shard"};

/// The arguments that make this job's image alone.
std::vector<std::string> arguments_of(const UpscaleOptions& options, const UpscaleJob& job) {
    std::vector<std::string> kept;
    for (std::size_t i = 0; i < options.arguments.size(); ++i) {
        const std::string& word = options.arguments[i];
        if (flags_left_out.contains(word)) continue;
        if (values_left_out.contains(word)) {
            ++i;
            continue;
        }
        if (values_left_out.contains(word.substr(0, word.find('=')))) continue;
        kept.push_back(word);
    }
    const auto replace = [&](const fs::path& from, const fs::path& to) {
        const auto found = std::find(kept.begin(), kept.end(), from.string());
        if (found != kept.end()) *found = to.string();
    };
    replace(options.output, job.output);
    replace(options.input, job.input);
    return kept;
}

/// The JSON object of a file; an empty one if there is no such file or it holds something else.
Json read_object(const fs::path& path) {
    if (!fs::exists(path)) return Json::object();
    Json json = Json::parse(read_text(path), nullptr, false);
    return json.is_object() ? json : Json::object();
}

/// The SHA-256 digest of a file. For a folder: that of the sorted digests of its files, one a line, so that
/// their names do not matter.
std::string digest_of(const fs::path& path) {
    if (!fs::is_directory(path)) return sha256_of(path);
    std::set<std::string> digests;
    for (const fs::directory_entry& entry : fs::directory_iterator(path))
        if (entry.is_regular_file()) digests.insert(sha256_of(entry.path()) + "\n");
    std::string lines;
    for (const std::string& digest : digests) lines += digest;
    return sha256_of_text(lines);
}

void correct_slices(Json& record, const imaging::Volume& high, const UpscaleOrigin& origin) {
    if (!origin.has_thinner_slices) return;
    for (const char* key : {"SliceThickness", "SpacingBetweenSlices"})
        if (record.contains(key)) record[key] = high.voxel_size_mm[static_cast<std::size_t>(origin.axis)];
}

/// Runs this program with other arguments. Its output goes to `log`. Returns its exit status.
int run_again(const std::vector<std::string>& arguments, const fs::path& log) {
    std::vector<std::string> words = arguments;
    words.insert(words.begin(), "upscale");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    require(child >= 0, "the run cannot be repeated: no process can be started");
    if (child == 0) {
        const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0) _exit(127);
        execv("/proc/self/exe", argv.data());
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string description_of(const UpscaleOrigin& origin) {
    return "DNSP " DNSP_VERSION + (origin.weights.empty() ? "" : " " + origin.weights.stem().string());
}

std::string bids_name(const std::string& name) {
    // Entities that stand before rec in the order of BIDS.
    const std::set<std::string> before = {"sub", "ses", "sample", "task", "tracksys",
                                          "acq", "ce",  "trc",    "stain"};
    const std::string stem = name.substr(0, name.find('.')), extension = name.substr(stem.size());
    std::vector<std::string> parts;
    for (std::size_t start = 0, end = 0; end != std::string::npos; start = end + 1) {
        end = stem.find('_', start);
        parts.push_back(stem.substr(start, end - start));
    }
    std::size_t place = 0;
    bool placed = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::string entity = parts[i].substr(0, parts[i].find('-'));
        if (entity.size() == parts[i].size()) continue;
        if (entity == "rec") {
            parts[i] += "dnsp";
            placed = true;
        } else if (before.contains(entity)) {
            place = i + 1;
        }
    }
    if (!placed)
        parts.insert(place == 0 ? parts.end() : parts.begin() + static_cast<std::ptrdiff_t>(place),
                     "rec-dnsp");
    std::string result = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i) result += "_" + parts[i];
    return result + extension;
}

Json write_record(const UpscaleOptions& options, const UpscaleJob& job, const ImageContents& image,
                  const UpscaleOrigin& origin) {
    const Json of_input = read_object(sidecar_path(job.input));
    Json record = Json::object();
    for (const auto& [key, value] : of_input.items())
        if (key.front() >= 'A' && key.front() <= 'Z') record[key] = value;  // BIDS keys are CamelCase
    record["Sources"] = {job.input.filename().string()};
    record["GeneratedBy"] = {{{"Name", "DNSP"}, {"Version", DNSP_VERSION}}};
    if (const imaging::Volume* volume = first_volume(image)) {
        correct_slices(record, *volume, origin);
        record["size"] = volume->size;
        record["voxel_size_mm"] = volume->voxel_size_mm;
        if (const auto* series = std::get_if<Series>(&image)) record["volumes"] = series->size();
    }
    const std::vector<std::string> arguments = arguments_of(options, job);
    record["version"] = DNSP_VERSION;
    record["command"] = command_text("upscale", arguments);
    record["arguments"] = arguments;
    record["device"] = options.device;
    record["input"] = job.input.string();
    record["input_sha256"] = digest_of(job.input);
    record["output"] = job.output.string();
    record["output_sha256"] = digest_of(job.output);
    record["weights"] = nullptr;
    if (!origin.weights.empty())
        record["weights"] = {{"name", origin.weights.stem().string()}, {"sha256", sha256_of(origin.weights)}};
    record["acquisition"] = nullptr;
    if (origin.acquisition) record["acquisition"] = imaging::describe(*origin.acquisition);
    record["consistency"] = nullptr;
    if (origin.consistency) record["consistency"] = *origin.consistency;
    record["warnings"] = origin.warnings;
    write_atomically(sidecar_path(job.output), json_text(record, 2) + "\n");
    return record;
}

void start_record(const UpscaleJob& job) {
    const Json record = {{"input", job.input.string()},
                         {"input_sha256", digest_of(job.input)},
                         {"output", job.output.string()},
                         {"output_sha256", nullptr}};
    write_atomically(sidecar_path(job.output), json_text(record, 2) + "\n");
}

RecordState record_state(const UpscaleJob& job) {
    if (!fs::exists(sidecar_path(job.output))) return RecordState::none;
    const Json record = read_object(sidecar_path(job.output));
    if (!record.contains("input_sha256") || !record.contains("output_sha256") ||
        record["input_sha256"] != digest_of(job.input))
        return RecordState::other;
    return record["output_sha256"].is_null() ? RecordState::unfinished : RecordState::finished;
}

std::string verify_record(const fs::path& sidecar) {
    require(fs::exists(sidecar), sidecar.string() + ": no such file");
    const Json record = read_object(sidecar);
    require(!record.contains("output_sha256") || record["output_sha256"].is_string(),
            sidecar.string() + ": the recorded run did not finish");
    for (const char* key : {"arguments", "input", "input_sha256", "output", "output_sha256", "version"})
        require(record.contains(key),
                fmt::format("{}: is not a record of upscale, it lacks {}", sidecar.string(), key));
    std::vector<std::string> arguments = record["arguments"];
    const fs::path input = record["input"].get<std::string>(), output = record["output"].get<std::string>();
    const auto has = [&](const char* flag) {
        return std::any_of(arguments.begin(), arguments.end(),
                           [&](const std::string& word) { return word.substr(0, word.find('=')) == flag; });
    };
    require(
        !has("--self") || has("--steps"),
        sidecar.string() +
            ": --self without --steps trains as long as the machine's speed allows, which cannot be repeated");
    require(fs::exists(input), input.string() + ": no such file; start from the folder of the recorded run");
    require(Json(digest_of(input)) == record["input_sha256"],
            input.string() + ": is not the input of the recorded run");
    const TemporaryFolder folder;
    const fs::path repeated = folder.path() / output.filename(), log = folder.path() / "log";
    const auto found = std::find(arguments.begin(), arguments.end(), output.string());
    require(found != arguments.end(), sidecar.string() + ": its arguments lack the output");
    *found = repeated.string();
    if (run_again(arguments, log) != 0) throw Error("the repeated run failed: " + read_text(log));
    const Json again = read_object(sidecar_path(repeated));
    require(again["weights"] == record["weights"],
            fmt::format("{}: other weights than in the recorded run: {} instead of {}", sidecar.string(),
                        json_text(again["weights"]), json_text(record["weights"])));
    require(
        again["output_sha256"] == record["output_sha256"],
        fmt::format("{}: version {} gives another result than version {}: SHA-256 {} instead of {}",
                    sidecar.string(), DNSP_VERSION, record["version"].get<std::string>(),
                    again["output_sha256"].get<std::string>(), record["output_sha256"].get<std::string>()));
    const bool unchanged = fs::exists(output) && Json(digest_of(output)) == record["output_sha256"];
    return fmt::format(
        "{}: the repeated run gives the same bits{}\n", sidecar.string(),
        unchanged ? "" : fmt::format("; {} is not that file (moved or changed)", output.string()));
}

}  // namespace dnsp::tools
