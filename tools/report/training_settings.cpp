#include "tools/report/training_settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/options_json.hpp"

namespace dnsp::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string text(bool value) { return value ? "true" : "false"; }
std::string text(const std::string& value) { return value; }
std::string text(const NumberOrRange& value) { return to_string(value); }
std::string text(const std::vector<std::string>& values) {
    return fmt::format("{}", fmt::join(values, ", "));
}
std::string text(const std::map<std::string, double>& values) {
    std::string all;
    for (const auto& [name, number] : values)
        all += fmt::format("{}{}={}", all.empty() ? "" : ", ", name, number);
    return all;
}
template <class Number>
std::string text(Number value) {
    return fmt::format("{}", value);
}

struct Row {
    std::string group, name, help, value;
};

/// Every option as text, in the order of the declarations.
class Rows : public OptionVisitor {
  public:
    using OptionVisitor::option;
    void option(const OptionInfo& info, bool& value) override {
        add(info, info.choices.empty() ? text(value) : info.choices.at(value));
    }
    void option(const OptionInfo& info, int& value) override {
        for (const auto& [name, named] : info.names)
            if (named == value) return add(info, name);
        add(info, text(value));
    }
    void option(const OptionInfo& info, std::uint64_t& value) override { add(info, text(value)); }
    void option(const OptionInfo& info, double& value) override { add(info, text(value)); }
    void option(const OptionInfo& info, NumberOrRange& value) override { add(info, text(value)); }
    void option(const OptionInfo& info, std::string& value) override { add(info, text(value)); }
    void option(const OptionInfo& info, std::vector<std::string>& value) override { add(info, text(value)); }
    void option(const OptionInfo& info, std::map<std::string, double>& value) override {
        add(info, text(value));
    }
    void nested(const std::string&, const std::function<void()>& visit_member) override { visit_member(); }

    std::vector<Row> rows;

  private:
    void add(const OptionInfo& info, std::string value) {
        rows.push_back({info.group.empty() ? "Data and degradation" : info.group,
                        info.flag.empty() ? info.key : info.flag, info.help, std::move(value)});
    }
};

std::vector<Row> rows_of(TrainingSettings settings) {
    Rows rows;
    settings.visit(rows);
    return std::move(rows.rows);
}

/// The defaults of the same network on the same kind of device.
TrainingSettings defaults_of(const TrainingSettings& settings, bool on_cuda) {
    TrainingSettings defaults;
    const std::string model = std::exchange(defaults.model.name, settings.model.name);
    ParameterStore unused;
    defaults.model = make_model(defaults.model, unused)->options();
    defaults.model.name = model;
    defaults.convolution = default_conv2d_settings(on_cuda ? DeviceKind::cuda : DeviceKind::cpu);
    return defaults;
}

}  // namespace

TrainingSettings logged_settings(const nlohmann::json& json) {
    TrainingSettings settings;
    OptionReader reader(json);
    settings.visit(reader);
    require(reader.unknown_key().empty(), "[report] unknown setting '" + reader.unknown_key() + "'");
    return settings;
}

Json settings_table(const TrainingSettings& settings, bool on_cuda) {
    const std::vector<Row> rows = rows_of(settings), defaults = rows_of(defaults_of(settings, on_cuda));
    Json groups = Json::array();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto group = std::ranges::find_if(groups, [&](const Json& g) { return g["name"] == rows[i].group; });
        if (group == groups.end()) {
            groups.push_back({{"name", rows[i].group}, {"rows", Json::array()}});
            group = std::prev(groups.end());
        }
        Json row = {{"name", rows[i].name}, {"help", rows[i].help}, {"value", rows[i].value}};
        if (rows[i].value != defaults[i].value) row["default"] = defaults[i].value;
        (*group)["rows"].push_back(row);
    }
    return groups;
}

}  // namespace dnsp::tools
