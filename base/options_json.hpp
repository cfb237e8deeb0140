#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/options.hpp"

// Options in JSON: an object with one entry per option and one object per nested struct.
namespace dnsp {

enum class OptionSelection { all, fixed_on_resume };
enum class OptionNames { keys, flags };

/// Writes the selected options into `json`, by their keys or by their flags.
class OptionWriter : public OptionVisitor {
  public:
    explicit OptionWriter(OptionSelection selection = OptionSelection::all,
                          OptionNames names = OptionNames::keys)
        : selection_(selection), names_(names) {}
    using OptionVisitor::option;
    void option(const OptionInfo& info, bool& value) override { write(info, value); }
    void option(const OptionInfo& info, int& value) override { write(info, value); }
    void option(const OptionInfo& info, std::uint64_t& value) override { write(info, value); }
    void option(const OptionInfo& info, double& value) override { write(info, value); }
    void option(const OptionInfo& info, NumberOrRange& value) override {
        if (value.is_range())
            write(info, std::vector<double>{value.low, value.high});
        else
            write(info, value.low);
    }
    void option(const OptionInfo& info, std::string& value) override { write(info, value); }
    void option(const OptionInfo& info, std::vector<std::string>& value) override { write(info, value); }
    void option(const OptionInfo& info, std::map<std::string, double>& value) override { write(info, value); }
    void nested(const std::string& key, const std::function<void()>& visit_member) override;

    nlohmann::json json = nlohmann::json::object();

  private:
    template <class Value>
    void write(const OptionInfo& info, const Value& value) {
        if (selection_ == OptionSelection::all || !info.may_change_on_resume)
            json[names_ == OptionNames::keys ? info.key : info.flag] = value;
    }
    OptionSelection selection_;
    OptionNames names_;
};

/// Reads options from a JSON object. An option whose key is missing keeps its value (the default). Throws
/// Error if a value has the wrong type, or is neither the default nor within the option's range or choices.
class OptionReader : public OptionVisitor {
  public:
    /// Throws Error unless `json` is an object.
    explicit OptionReader(nlohmann::json json);
    using OptionVisitor::option;
    void option(const OptionInfo& info, bool& value) override;
    void option(const OptionInfo& info, int& value) override;
    void option(const OptionInfo& info, std::uint64_t& value) override;
    void option(const OptionInfo& info, double& value) override;
    void option(const OptionInfo& info, NumberOrRange& value) override;
    void option(const OptionInfo& info, std::string& value) override;
    void option(const OptionInfo& info, std::vector<std::string>& value) override;
    void option(const OptionInfo& info, std::map<std::string, double>& value) override;
    void nested(const std::string& key, const std::function<void()>& visit_member) override;

    /// A key that no option has read, such as "prior.delta"; empty if there is none.
    const std::string& unknown_key();

  private:
    std::optional<nlohmann::json> take(const std::string& key);
    template <class Value>
    void read_number(const OptionInfo& info, Value& value);

    nlohmann::json json_;  // entries of the current object that are still unread
    std::string path_;     // path of the current object: "" or "prior."
    std::string unknown_key_;
};

template <class Options>
nlohmann::json to_json(Options options, OptionSelection selection = OptionSelection::all,
                       OptionNames names = OptionNames::keys) {
    OptionWriter writer(selection, names);
    options.visit(writer);
    return std::move(writer.json);
}

/// An entry, such as "prior.alpha", and its two values as JSON text; "nothing" if missing.
struct OptionDifference {
    std::string key, recorded, given;
};

/// The first entry that differs between two objects.
std::optional<OptionDifference> first_difference(const nlohmann::json& recorded, const nlohmann::json& given);

/// Throws Error if an option was changed that nothing has read (OptionSet::get()). `chosen` names the
/// extension that was made of the set, for the message: "--model srcnn".
void require_options_used(OptionSet options, const std::string& chosen);

/// The first difference among the options that a resumed run must not change.
template <class Options>
std::optional<OptionDifference> change_on_resume(const Options& recorded, const Options& given) {
    return first_difference(to_json(recorded, OptionSelection::fixed_on_resume),
                            to_json(given, OptionSelection::fixed_on_resume));
}

}  // namespace dnsp
