#include "training/run_log.hpp"

#include <cerrno>
#include <cstring>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "base/json.hpp"

namespace dnsp {

using nlohmann::json;

std::int64_t logged_step(const json& line) {
    const auto step = line.find("step");
    return step == line.end() ? 0 : whole_number<std::int64_t>(*step);
}

RunLog::RunLog(const std::filesystem::path& path, std::int64_t keep_steps) : path_(path) {
    std::string kept;
    try {
        if (keep_steps >= 0 && std::filesystem::exists(path))
            for (const std::string& line : read_lines(path)) {
                const json entry = json::parse(line, nullptr, false);
                if (entry.is_object() && logged_step(entry) <= keep_steps) kept += line + "\n";
            }
    } catch (const Error& error) {
        throw Error(path.string() + ": is not a log of train_dnsp (" + error.what() + ")");
    }
    write_atomically(path, kept);
    out_.open(path, std::ios::app);
    require(out_.good(), path.string() + ": cannot be written: " + std::strerror(errno));
}

void RunLog::write(const json& line) {
    out_ << json_text(line) << '\n' << std::flush;
    require(out_.good(), path_.string() + ": cannot be written (is the disk full?)");
}

}  // namespace dnsp
