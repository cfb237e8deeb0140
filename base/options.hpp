#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/number_or_range.hpp"

// An option is declared once, in the visit() of the struct that holds its value:
//
//   struct Options {
//       double epsilon = 1e-3;  // the default
//       void visit(OptionVisitor& v) {
//           v.option({.key = "epsilon", .flag = "--epsilon", .range = Range::positive}, epsilon);
//       }
//   };
//
// Visitors implement the command line and --help (tools/option_parser.hpp), JSON in weights files and
// checkpoints, defaults, and the comparison on resume (base/options_json.hpp).
namespace dnsp {

enum class Range { any, non_negative, positive };

struct OptionInfo {
    std::string key;           ///< key in JSON
    std::string flag = {};     ///< "--lr"; "inputs" is positional; empty: not on the command line
    std::string help = {};     ///< one line
    std::string group = {};    ///< heading in --help
    Range range = Range::any;  ///< allowed numbers; the default may lie outside
    /// Strings: allowed values besides the default; empty: any. Bools: the command-line names of false and
    /// true.
    std::vector<std::string> choices = {};
    std::map<std::string, std::string> aliases = {};      ///< command-line name → choice
    std::vector<std::pair<std::string, int>> names = {};  ///< command-line names of int values
    bool may_change_on_resume = false;                    ///< a resumed run may change the value
};

/// visit() calls option() for every option of a struct. option() reads or replaces the value.
class OptionVisitor {
  public:
    virtual ~OptionVisitor() = default;
    virtual void option(const OptionInfo& info, bool& value) = 0;
    virtual void option(const OptionInfo& info, int& value) = 0;
    virtual void option(const OptionInfo& info, std::uint64_t& value) = 0;
    virtual void option(const OptionInfo& info, double& value) = 0;
    /// In JSON, a range is an array of two numbers.
    virtual void option(const OptionInfo& info, NumberOrRange& value) = 0;
    virtual void option(const OptionInfo& info, std::string& value) = 0;
    virtual void option(const OptionInfo& info, std::vector<std::string>& value) = 0;
    /// On the command line: "name=number", repeatable.
    virtual void option(const OptionInfo& info, std::map<std::string, double>& value) = 0;

    /// An enumeration: a string on the command line and in JSON.
    template <class Enum>
    void option(OptionInfo info, Enum& value, std::initializer_list<std::pair<const char*, Enum>> names) {
        std::string text;
        for (const auto& [name, named] : names) {
            info.choices.emplace_back(name);
            if (named == value) text = name;
        }
        option(info, text);
        for (const auto& [name, named] : names)
            if (text == name) value = named;
    }

    /// The options of a member struct. In JSON, an object named `key`.
    virtual void nested(const std::string& key, const std::function<void()>& visit_member) = 0;
};

/// Option structs of extensions (loss terms, models), one value per type. The owner of the set does not know
/// the types: each extension declares its own and reads it back. Copies are independent.
class OptionSet {
  public:
    /// Adds a default Options unless the set has one. Options must be copyable and have
    /// visit(OptionVisitor&).
    template <class Options>
    void declare() {
        if (!find(typeid(Options)))
            entries_.push_back({typeid(Options), Options{}, Options{},
                                [](std::any& value, OptionVisitor& visitor) {
                                    std::any_cast<Options&>(value).visit(visitor);
                                },
                                std::make_shared<bool>(false)});
    }
    /// Throws Error if the type was not declared. Notes, for all copies of the set, that the options are
    /// used.
    template <class Options>
    Options& get() {
        Entry* entry = find(typeid(Options));
        require(entry != nullptr, "[options] undeclared options struct");
        *entry->used = true;
        return std::any_cast<Options&>(entry->value);
    }
    template <class Options>
    const Options& get() const {
        return const_cast<OptionSet*>(this)->get<Options>();
    }
    void visit(OptionVisitor& visitor) {
        for (Entry& entry : entries_) entry.visit(entry.value, visitor);
    }
    /// Visits the options that no call of get() has returned: their values and their defaults.
    void visit_unused(OptionVisitor& values, OptionVisitor& defaults) {
        for (Entry& entry : entries_) {
            if (*entry.used) continue;
            entry.visit(entry.value, values);
            entry.visit(entry.defaults, defaults);
        }
    }

  private:
    struct Entry {
        std::type_index type;
        std::any value, defaults;
        void (*visit)(std::any&, OptionVisitor&);
        std::shared_ptr<bool> used;
    };
    Entry* find(std::type_index type) {
        for (Entry& entry : entries_)
            if (entry.type == type) return &entry;
        return nullptr;
    }
    std::vector<Entry> entries_;
};

}  // namespace dnsp
