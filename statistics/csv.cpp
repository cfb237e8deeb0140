#include "statistics/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/error.hpp"
#include "base/file_reader.hpp"

namespace dnsp::statistics {
namespace {

class Parser {
  public:
    Parser(const std::filesystem::path& path, std::string text)
        : path_(path.string()), text_(std::move(text)) {
        if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    }

    std::vector<CsvRecord> records() {
        std::vector<CsvRecord> out;
        while (!ended()) {
            CsvRecord record{line_, {}};
            do record.fields.push_back(field());
            while (take(","));
            if (!take("\n")) complain_unless(take("\r\n") || ended(), "a double quote is out of place");
            if (record.fields.size() > 1 || !record.fields.front().empty()) out.push_back(std::move(record));
        }
        return out;
    }

  private:
    bool ended() const { return at_ == text_.size(); }
    bool take(const std::string& expected) {
        if (text_.compare(at_, expected.size(), expected) != 0) return false;
        at_ += expected.size();
        if (expected.back() == '\n') ++line_;
        return true;
    }
    void complain_unless(bool condition, const char* reason) const {
        require(condition, fmt::format("{}, line {}", path_, line_), reason);
    }

    std::string field() {
        if (take("\"")) return quoted_field();
        const std::size_t end = std::min(text_.find_first_of(",\"\r\n", at_), text_.size());
        std::string out = text_.substr(at_, end - at_);
        at_ = end;
        return out;
    }
    std::string quoted_field() {
        std::string out;
        while (true) {
            complain_unless(!ended(), "a quoted field has no closing quote");
            if (take("\"\""))
                out += '"';
            else if (take("\""))
                return out;
            else if (take("\n"))
                out += '\n';
            else
                out += text_[at_++];
        }
    }

    std::string path_, text_;
    std::size_t at_ = 0;
    int line_ = 1;
};

}  // namespace

std::vector<CsvRecord> read_csv(const std::filesystem::path& path) {
    require(!std::filesystem::is_directory(path), path.string(), "is a folder, not a CSV file");
    return Parser(path, read_text(path)).records();
}

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

}  // namespace dnsp::statistics
