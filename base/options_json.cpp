#include "base/options_json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "base/json.hpp"

namespace dnsp {

using nlohmann::json;

void OptionWriter::nested(const std::string& key, const std::function<void()>& visit_member) {
    nlohmann::json outer = std::exchange(json, nlohmann::json::object());
    visit_member();
    outer[key] = std::move(json);
    json = std::move(outer);
}

OptionReader::OptionReader(json object) : json_(std::move(object)) {
    require(json_.is_object(), "[options] expected a JSON object, got " + json_text(json_));
}

std::optional<json> OptionReader::take(const std::string& key) {
    const auto found = json_.find(key);
    if (found == json_.end()) return std::nullopt;
    json value = std::move(*found);
    json_.erase(found);
    return value;
}

namespace {

/// Throws Error unless `condition` holds.
void require_option(bool condition, const std::string& name, const std::string& expected, const json& got) {
    require(condition, fmt::format("[options] {}: expected {}, got {}", name, expected, json_text(got)));
}

}  // namespace

template <class Value>
void OptionReader::read_number(const OptionInfo& info, Value& value) {
    const auto got = take(info.key);
    if (!got) return;
    const std::string name = path_ + info.key;
    if constexpr (std::is_same_v<Value, double>)
        require_option(got->is_number(), name, "a number", *got);
    else if constexpr (std::is_same_v<Value, int>)
        require_option(got->is_number_integer() && *got >= std::numeric_limits<int>::min() &&
                           *got <= std::numeric_limits<int>::max(),
                       name, "an integer", *got);
    else
        require_option(got->is_number_unsigned(), name, "an integer of at least 0", *got);
    const auto number = got->get<Value>();
    const bool in_range =
        info.range == Range::any || number > 0 || (info.range == Range::non_negative && number == 0);
    require_option(in_range || number == value, name,
                   info.range == Range::positive ? "a positive number" : "a number of at least 0", *got);
    value = number;
}

void OptionReader::option(const OptionInfo& info, int& value) { read_number(info, value); }
void OptionReader::option(const OptionInfo& info, std::uint64_t& value) { read_number(info, value); }
void OptionReader::option(const OptionInfo& info, double& value) { read_number(info, value); }

void OptionReader::option(const OptionInfo& info, NumberOrRange& value) {
    const auto found = json_.find(info.key);
    if (found == json_.end() || !found->is_array()) {
        double number = value.low;
        const bool given = found != json_.end();
        read_number(info, number);
        if (given) value = number;
        return;
    }
    const json got = *take(info.key);
    const bool valid = got.size() == 2 && got[0].is_number() && got[1].is_number() && got[0] <= got[1];
    const double least = valid ? got[0].get<double>() : 0.0;
    require_option(
        valid && (info.range == Range::any || least > 0 || (info.range == Range::non_negative && least == 0)),
        path_ + info.key, "a number, or two that do not fall", got);
    value = {least, got[1].get<double>()};
}

void OptionReader::option(const OptionInfo& info, bool& value) {
    const auto got = take(info.key);
    if (!got) return;
    require_option(got->is_boolean(), path_ + info.key, "true or false", *got);
    value = got->get<bool>();
}

void OptionReader::option(const OptionInfo& info, std::string& value) {
    const auto got = take(info.key);
    if (!got) return;
    require_option(got->is_string(), path_ + info.key, "a string", *got);
    const auto text = got->get<std::string>();
    require_option(
        text == value || info.choices.empty() || std::ranges::find(info.choices, text) != info.choices.end(),
        path_ + info.key, fmt::format("one of {}", fmt::join(info.choices, ", ")), *got);
    value = text;
}

void OptionReader::option(const OptionInfo& info, std::vector<std::string>& value) {
    const auto got = take(info.key);
    if (!got) return;
    require_option(
        got->is_array() && std::ranges::all_of(*got, [](const json& entry) { return entry.is_string(); }),
        path_ + info.key, "an array of strings", *got);
    value = got->get<std::vector<std::string>>();
}

void OptionReader::option(const OptionInfo& info, std::map<std::string, double>& value) {
    const auto got = take(info.key);
    if (!got) return;
    require_option(
        got->is_object() && std::ranges::all_of(*got, [](const json& entry) { return entry.is_number(); }),
        path_ + info.key, "an object of numbers", *got);
    value = got->get<std::map<std::string, double>>();
}

void OptionReader::nested(const std::string& key, const std::function<void()>& visit_member) {
    auto got = take(key);
    if (!got) return;
    require_option(got->is_object(), path_ + key, "an object", *got);
    const json outer = std::exchange(json_, std::move(*got));
    const std::string outer_path = std::exchange(path_, path_ + key + ".");
    visit_member();
    unknown_key();
    json_ = outer;
    path_ = outer_path;
}

const std::string& OptionReader::unknown_key() {
    if (unknown_key_.empty() && !json_.empty()) unknown_key_ = path_ + json_.begin().key();
    return unknown_key_;
}

std::optional<OptionDifference> first_difference(const json& recorded, const json& given) {
    json keys = recorded;
    keys.update(given);
    const auto entry = [](const json& object, const std::string& key) {
        return object.contains(key) ? object.at(key) : json();
    };
    const auto text = [](const json& value) { return value.is_null() ? "nothing" : json_text(value); };
    for (const auto& [key, value] : keys.items()) {
        const json before = entry(recorded, key), now = entry(given, key);
        if (before.is_object() && now.is_object()) {
            if (auto inner = first_difference(before, now))
                return OptionDifference{key + "." + inner->key, inner->recorded, inner->given};
        } else if (before != now) {
            return OptionDifference{key, text(before), text(now)};
        }
    }
    return std::nullopt;
}

void require_options_used(OptionSet options, const std::string& chosen) {
    OptionWriter values(OptionSelection::all, OptionNames::flags),
        defaults(OptionSelection::all, OptionNames::flags);
    options.visit_unused(values, defaults);
    if (const auto changed = first_difference(defaults.json, values.json))
        throw Error(changed->key + " has no effect with " + chosen);
}

}  // namespace dnsp
