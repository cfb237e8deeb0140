#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/options.hpp"

namespace dnsp {

/// Extensions of one kind (models, loss terms) by name. Files that define extensions register them before
/// main().
template <class Product, class... Arguments>
class Registry {
  public:
    using Make = std::unique_ptr<Product> (*)(Arguments...);

    /// `kind` is the noun for an extension in messages: "model".
    explicit Registry(std::string kind) : kind_(std::move(kind)) {}

    /// Registers an extension that `maker` constructs. Declares Extension::Options, if it exists, as options
    /// of the kind. `summary` is one line for --help. Throws Error if the name is taken.
    template <class Extension>
    void add(const std::string& name, const std::string& summary, Make maker) {
        require(entries_.emplace(name, Entry{summary, maker, declare<Extension>}).second,
                "[" + kind_ + "] '" + name + "' is registered twice");
    }

    /// Creates an extension. Throws Error, with the known names, if the name is unknown.
    std::unique_ptr<Product> make(const std::string& name, Arguments... arguments) const {
        if (const auto found = entries_.find(name); found != entries_.end())
            return found->second.make(arguments...);
        std::string known;
        for (const auto& [key, entry] : entries_) known += (known.empty() ? "" : ", ") + key;
        throw Error("[" + kind_ + "] unknown " + kind_ + " '" + name + "', expected one of: " + known);
    }

    /// Summaries by name.
    std::map<std::string, std::string> summaries() const {
        std::map<std::string, std::string> out;
        for (const auto& [name, entry] : entries_) out[name] = entry.summary;
        return out;
    }
    /// "name: summary; name: summary", for --help.
    std::string help() const {
        std::string text;
        for (const auto& [name, entry] : entries_)
            text += (text.empty() ? "" : "; ") + name + ": " + entry.summary;
        return text;
    }
    /// The default options of all extensions.
    OptionSet default_options() const {
        OptionSet options;
        for (const auto& [name, entry] : entries_) entry.declare(options);
        return options;
    }

  private:
    template <class Extension>
    static void declare(OptionSet& options) {
        if constexpr (requires { typename Extension::Options; })
            options.declare<typename Extension::Options>();
    }
    struct Entry {
        std::string summary;
        Make make;
        void (*declare)(OptionSet&);
    };
    std::string kind_;
    std::map<std::string, Entry> entries_;
};

}  // namespace dnsp
