#include "tools/option_parser.hpp"
#include "base/number.hpp"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <type_traits>

namespace dnsp::tools {
namespace {

using Map = std::map<std::string, double>;

/// Calls f(info, value) for every option that has a flag.
template <class F>
class EachOption : public OptionVisitor {
  public:
    explicit EachOption(F f) : f_(std::move(f)) {}
    using OptionVisitor::option;
    void option(const OptionInfo& info, bool& value) override { call(info, value); }
    void option(const OptionInfo& info, int& value) override { call(info, value); }
    void option(const OptionInfo& info, std::uint64_t& value) override { call(info, value); }
    void option(const OptionInfo& info, double& value) override { call(info, value); }
    void option(const OptionInfo& info, NumberOrRange& value) override { call(info, value); }
    void option(const OptionInfo& info, std::string& value) override { call(info, value); }
    void option(const OptionInfo& info, std::vector<std::string>& value) override { call(info, value); }
    void option(const OptionInfo& info, Map& value) override { call(info, value); }
    void nested(const std::string&, const std::function<void()>& visit_member) override { visit_member(); }

  private:
    template <class Value>
    void call(const OptionInfo& info, Value& value) {
        if (!info.flag.empty()) f_(info, value);
    }
    F f_;
};

/// The type that the parse writes for a value: entries of a map are text.
template <class Value>
auto parsed(const Value& value) {
    if constexpr (std::is_same_v<Value, Map>)
        return std::make_shared<std::vector<std::string>>();
    else
        return std::make_shared<Value>(value);
}

/// The default of an option in --help: the name of the value, else the value as text; empty for no default.
template <class Value>
std::string default_text(const OptionInfo& info, const Value& value) {
    if constexpr (std::is_same_v<Value, int>)
        for (const auto& [name, named] : info.names)
            if (named == value) return name;
    if constexpr (std::is_same_v<Value, bool>)
        return info.choices.empty() ? (value ? "true" : "false") : info.choices.at(value);
    else if constexpr (std::is_same_v<Value, std::string>)
        return value;
    else if constexpr (std::is_same_v<Value, NumberOrRange>)
        return to_string(value);
    else if constexpr (std::is_arithmetic_v<Value>)
        return CLI::detail::to_string(value);
    else
        return "";
}

/// The checks of CLI11 print the largest double in their messages. A range, "1:2", is a Value of two numbers.
template <class Value>
CLI::Validator in_range(Range range) {
    constexpr bool may_be_range = std::is_same_v<Value, NumberOrRange>;
    const bool positive = range == Range::positive;
    return {[positive](const std::string& text) {
                std::conditional_t<may_be_range, NumberOrRange, double> value{};
                double least = 0.0;
                const bool read = CLI::detail::lexical_cast(text, value);
                if constexpr (may_be_range)
                    least = value.low;
                else
                    least = value;
                return read && std::isfinite(least) && (positive ? least > 0 : least >= 0)
                           ? std::string()
                           : fmt::format("expected a number {}{}, got {}",
                                         positive ? "above 0" : "of at least 0",
                                         may_be_range ? ", or a range LOW:HIGH" : "", text);
            },
            positive ? "POSITIVE" : "NONNEGATIVE"};
}

/// CLI11 takes "-1" for the largest unsigned number, and "nan" and "inf" for numbers.
template <class Value>
CLI::Validator number() {
    return {[](const std::string& text) {
                bool good = false;
                if constexpr (std::is_unsigned_v<Value>) {
                    good = text.find('-') == std::string::npos;
                } else {
                    double value = 0.0;
                    good = !CLI::detail::lexical_cast(text, value) || std::isfinite(value);
                }
                return good ? std::string()
                            : fmt::format(
                                  "expected a {}, got {}",
                                  std::is_unsigned_v<Value> ? "whole number of at least 0" : "finite number",
                                  text);
            },
            ""};
}

/// Adds checks and translations. Note: transform() inserts before existing ones.
template <class Value>
void add_checks(CLI::Option& option, const OptionInfo& info) {
    if (info.range != Range::any)
        option.check(in_range<Value>(info.range));
    else if (std::is_same_v<Value, double> || std::is_same_v<Value, std::uint64_t>)
        option.check(number<Value>());
    const auto translate = [&](const auto& names) {
        CLI::Transformer translation(names, CLI::ignore_case);
        translation.description("");
        option.transform(translation);
    };
    if (!info.names.empty()) option.transform(CLI::CheckedTransformer(info.names, CLI::ignore_case));
    if (std::is_same_v<Value, bool> && !info.choices.empty()) {
        translate(std::map<std::string, bool>{{info.choices.at(0), false}, {info.choices.at(1), true}});
        option.type_name("TEXT");
    }
    if (!info.choices.empty()) option.transform(CLI::IsMember(info.choices, CLI::ignore_case));
    if (!info.aliases.empty()) translate(info.aliases);
}

/// Adds "name=number" to a map.
void add_entry(const std::string& flag, const std::string& text, Map& map) {
    const auto equals = text.find('=');
    require(equals != std::string::npos, flag + " " + text + ": expected name=weight");
    const auto weight = number_of<double>(text.substr(equals + 1));
    require(weight.has_value(), flag + " " + text + ": invalid weight");
    map[text.substr(0, equals)] = *weight;
}

}  // namespace

CLI::Validator positive_number() { return in_range<double>(Range::positive); }

void OptionParser::declare(const Visit& visit) {
    EachOption each([&](const OptionInfo& info, auto& value) {
        const auto memory = parsed(value);
        CLI::Option* option = app_->add_option(info.flag, *memory, info.help);
        option->default_str(default_text(info, value));
        if (!info.group.empty()) option->group(info.group);
        add_checks<std::decay_t<decltype(value)>>(*option, info);
        entries_[info.flag] = {option, memory};
    });
    visit(each);
}

void OptionParser::assign(const Visit& visit) const {
    EachOption each([&](const OptionInfo& info, auto& value) {
        const auto entry = entries_.find(info.flag);
        if (entry == entries_.end() || entry->second.option->count() == 0) return;
        const auto memory = std::any_cast<decltype(parsed(value))>(entry->second.value);
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Map>)
            for (const std::string& text : *memory) add_entry(info.flag, text, value);
        else
            value = *memory;
    });
    visit(each);
}

}  // namespace dnsp::tools
