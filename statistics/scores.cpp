#include "statistics/scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "base/error.hpp"
#include "base/number.hpp"
#include "statistics/csv.hpp"

namespace dnsp::statistics {
namespace {

enum Column { dataset, subject, slice, method, scale, regime, seed, psnr_db, ssim };
constexpr std::array<const char*, 9> column_names{"dataset", "subject", "slice",   "method", "scale",
                                                  "regime",  "seed",    "psnr_db", "ssim"};

/// The positions of the columns in the records.
std::array<std::size_t, column_names.size()> find_columns(const std::filesystem::path& path,
                                                          const std::vector<std::string>& header) {
    std::array<std::size_t, column_names.size()> positions{};
    for (std::size_t c = 0; c < column_names.size(); ++c) {
        const auto found = std::count(header.begin(), header.end(), column_names[c]);
        require(found > 0, path.string(), fmt::format("the column {} is missing", column_names[c]));
        require(found == 1, path.string(), fmt::format("the column {} occurs twice", column_names[c]));
        positions[c] = static_cast<std::size_t>(std::find(header.begin(), header.end(), column_names[c]) -
                                                header.begin());
    }
    return positions;
}

/// The fields of a record by column.
class Fields {
  public:
    Fields(const CsvRecord& record, const std::array<std::size_t, column_names.size()>& positions,
           const std::string& place)
        : record_(record), positions_(positions), place_(place) {}

    const std::string& text(Column column) const { return record_.fields[positions_[column]]; }
    const std::string& name(Column column) const {
        require(!text(column).empty(), place_, fmt::format("the {} is empty", column_names[column]));
        return text(column);
    }
    template <class T>
    T number(Column column, T smallest, const char* kind) const {
        const std::string& field = text(column);
        const auto value = number_of<T>(field);
        require(value && *value >= smallest, place_,
                fmt::format("{} is '{}', expected {}", column_names[column], field, kind));
        return *value;
    }
    double finite(Column column) const { return number(column, -HUGE_VAL, "a finite number"); }

  private:
    const CsvRecord& record_;
    const std::array<std::size_t, column_names.size()>& positions_;
    const std::string& place_;
};

void read_file(const std::filesystem::path& path, std::vector<Score>& scores) {
    const std::vector<CsvRecord> records = read_csv(path);
    require(!records.empty(), path.string(), "is empty");
    const std::vector<std::string>& header = records.front().fields;
    const auto positions = find_columns(path, header);
    require(records.size() > 1, path.string(), "has no scores");
    for (std::size_t r = 1; r < records.size(); ++r) {
        const std::string place = fmt::format("{}, line {}", path.string(), records[r].line);
        require(records[r].fields.size() == header.size(), place,
                fmt::format("has {} fields, the header {}", records[r].fields.size(), header.size()));
        const Fields fields(records[r], positions, place);
        Score score;
        score.dataset = fields.name(dataset);
        score.subject = fields.name(subject);
        score.slice = fields.number(slice, 0, "a whole number of at least 0");
        score.method = fields.name(method);
        score.scale = fields.number(scale, 1, "a whole number above 0");
        score.regime = fields.text(regime);
        score.seed = fields.number(seed, std::uint64_t{0}, "a whole number of at least 0");
        score.psnr_db = fields.finite(psnr_db);
        score.ssim = fields.finite(ssim);
        require(std::abs(score.ssim) <= 1, place,
                fmt::format("ssim is {}, expected a number from -1 to 1", fields.text(ssim)));
        score.place = place;
        scores.push_back(std::move(score));
    }
}

void require_single(const std::vector<Score>& scores) {
    std::map<std::tuple<std::string, std::string, int, std::string, int, std::string, std::uint64_t>,
             const Score*>
        seen;
    for (const Score& s : scores) {
        const auto [first, is_new] =
            seen.try_emplace({s.dataset, s.subject, s.slice, s.method, s.scale, s.regime, s.seed}, &s);
        require(
            is_new, s.place,
            fmt::format("data set {}, subject {}, slice {}, method {}, scale {}, regime {}, seed {} occurs "
                        "twice, first in {}",
                        s.dataset, s.subject, s.slice, s.method, s.scale,
                        s.regime.empty() ? "(none)" : s.regime, s.seed, first->second->place));
    }
}

}  // namespace

std::vector<Score> read_scores(const std::vector<std::filesystem::path>& paths) {
    std::vector<Score> scores;
    for (const auto& path : paths) read_file(path, scores);
    require_single(scores);
    return scores;
}

}  // namespace dnsp::statistics
