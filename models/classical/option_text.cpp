#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/number.hpp"
#include "base/options_json.hpp"
#include "models/classical/method.hpp"

namespace dnsp::classical {
namespace {

using Visit = std::function<void(OptionVisitor&)>;

/// Calls f(info, value) for every option.
template <class F>
class EachOption : public OptionVisitor {
  public:
    explicit EachOption(F f) : f_(std::move(f)) {}
    using OptionVisitor::option;
    void option(const OptionInfo& info, bool& value) override { f_(info, value); }
    void option(const OptionInfo& info, int& value) override { f_(info, value); }
    void option(const OptionInfo& info, std::uint64_t& value) override { f_(info, value); }
    void option(const OptionInfo& info, double& value) override { f_(info, value); }
    void option(const OptionInfo& info, std::string& value) override { f_(info, value); }
    void option(const OptionInfo& info, NumberOrRange&) override { unsupported(info); }
    void option(const OptionInfo& info, std::vector<std::string>&) override { unsupported(info); }
    void option(const OptionInfo& info, std::map<std::string, double>&) override { unsupported(info); }
    void nested(const std::string&, const std::function<void()>& visit_member) override { visit_member(); }

  private:
    static void unsupported(const OptionInfo& info) {
        throw Error("[method] option " + info.key + " has a type that text cannot hold");
    }
    F f_;
};

/// The JSON value of a text for an option of type Value. OptionReader then checks its range and choices.
template <class Value>
nlohmann::json parse(const std::string& where, const std::string& text, const Value&) {
    if constexpr (std::is_same_v<Value, std::string>) {
        return text;
    } else if constexpr (std::is_same_v<Value, bool>) {
        require(text == "true" || text == "false", where + ": expected true or false, got '" + text + "'");
        return text == "true";
    } else {
        const auto value = number_of<Value>(text);
        require(value.has_value(),
                fmt::format("{}: expected {}, got '{}'", where,
                            std::is_floating_point_v<Value> ? "a finite number" : "an integer", text));
        return *value;
    }
}

}  // namespace

OptionText::OptionText(std::string method, const std::string& options) : method_(std::move(method)) {
    std::size_t begin = 0;
    while (begin < options.size()) {
        const std::size_t end = std::min(options.find(',', begin), options.size());
        const std::string entry = options.substr(begin, end - begin);
        const auto equals = entry.find('=');
        require(equals != std::string::npos && equals > 0 && equals + 1 < entry.size(),
                fmt::format("[method] {}: expected option=value, got '{}'", method_, entry));
        const std::string key = entry.substr(0, equals);
        require(values_.emplace(key, entry.substr(equals + 1)).second,
                fmt::format("[method] {}: option '{}' is given twice", method_, key));
        begin = end + 1;
    }
}

void OptionText::require_none() const {
    require(values_.empty(), "[method] " + method_ + " has no options, got '" +
                                 (values_.empty() ? "" : values_.begin()->first) + "'");
}

void OptionText::read(const Visit& visit) const {
    nlohmann::json json = nlohmann::json::object();
    std::vector<std::string> known;
    EachOption collect([&](const OptionInfo& info, const auto& value) {
        known.push_back(info.key);
        if (const auto found = values_.find(info.key); found != values_.end())
            json[info.key] =
                parse(fmt::format("[method] {}: option {}", method_, info.key), found->second, value);
    });
    visit(collect);
    for (const auto& [key, value] : values_)
        require(json.contains(key), fmt::format("[method] {}: unknown option '{}', expected one of: {}",
                                                method_, key, fmt::join(known, ", ")));
    OptionReader reader(json);
    try {
        visit(reader);
    } catch (const Error& error) {
        throw Error("[method] " + method_ + ": " + error.what());
    }
}

std::string option_lines(const Visit& visit) {
    std::string lines;
    EachOption append([&](const OptionInfo& info, const auto& value) {
        const std::string choices =
            info.choices.empty() ? "" : fmt::format(" ({})", fmt::join(info.choices, ", "));
        lines += fmt::format("\n  {}={}: {}{}", info.key, value, info.help, choices);
    });
    visit(append);
    return lines;
}

}  // namespace dnsp::classical
