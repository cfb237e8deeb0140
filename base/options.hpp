#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "base/error.hpp"

// An option is declared once, in the visit() of the struct that holds its value:
//
//   struct Options {
//       double epsilon = 1e-3;  // the default
//       void visit(OptionVisitor& v) {
//           v.option({.key = "epsilon", .flag = "--epsilon", .range = Range::positive}, epsilon);
//       }
//   };
//
// The visitors derive from it the command line and --help (tools/option_parser.hpp), JSON in weights files
// and checkpoints, defaults, and the comparison on resume (base/options_json.hpp).
namespace dnsp {

enum class Range { any, non_negative, positive };

struct OptionInfo {
    std::string key;           ///< in JSON
    std::string flag = {};     ///< on the command line, "--lr"; "inputs" is positional; empty: not there
    std::string help = {};     ///< one line
    std::string group = {};    ///< heading in --help
    Range range = Range::any;  ///< of numbers; the default may lie outside
    /// Of strings: what is allowed besides the default; empty: anything. Of a bool: its names on the command
    /// line, that of false first.
    std::vector<std::string> choices = {};
    std::map<std::string, std::string> aliases = {};      ///< further names of choices, for the command line
    std::vector<std::pair<std::string, int>> names = {};  ///< of values of an int, for the command line
    bool may_change_on_resume = false;                    ///< a resumed run may be given another value
};

/// visit() calls it with every option of a struct. It reads or replaces the value.
class OptionVisitor {
  public:
    virtual ~OptionVisitor() = default;
    virtual void option(const OptionInfo& info, bool& value) = 0;
    virtual void option(const OptionInfo& info, int& value) = 0;
    virtual void option(const OptionInfo& info, std::uint64_t& value) = 0;
    virtual void option(const OptionInfo& info, double& value) = 0;
    virtual void option(const OptionInfo& info, std::string& value) = 0;
    virtual void option(const OptionInfo& info, std::vector<std::string>& value) = 0;
    /// On the command line, "name=number", repeated.
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

    /// The options of a member, in JSON an object of that name.
    virtual void nested(const std::string& key, const std::function<void()>& visit_member) = 0;
};

/// Option structs of extensions (loss terms, models), one value of each type. The owner of the set knows none
/// of the types; each extension declares its own and reads it back. Copies are independent.
class OptionSet {
  public:
    /// Adds a default Options, unless it is there. Options is copyable and has visit(OptionVisitor&).
    template <class Options>
    void declare() {
        if (!find(typeid(Options)))
            entries_.push_back({typeid(Options), Options{}, [](std::any& value, OptionVisitor& visitor) {
                                    std::any_cast<Options&>(value).visit(visitor);
                                }});
    }
    /// Throws Error for a type that is not declared.
    template <class Options>
    Options& get() {
        Entry* entry = find(typeid(Options));
        require(entry != nullptr, "[options] a struct of options is not declared");
        return std::any_cast<Options&>(entry->value);
    }
    template <class Options>
    const Options& get() const {
        return const_cast<OptionSet*>(this)->get<Options>();
    }
    void visit(OptionVisitor& visitor) {
        for (Entry& entry : entries_) entry.visit(entry.value, visitor);
    }

  private:
    struct Entry {
        std::type_index type;
        std::any value;
        void (*visit)(std::any&, OptionVisitor&);
    };
    Entry* find(std::type_index type) {
        for (Entry& entry : entries_)
            if (entry.type == type) return &entry;
        return nullptr;
    }
    std::vector<Entry> entries_;
};

}  // namespace dnsp
