#pragma once

#include <CLI/CLI.hpp>
#include <any>
#include <functional>
#include <map>
#include <string>

#include "base/options.hpp"

namespace dnsp::tools {

/// Puts options that a visit() declares (base/options.hpp) on a command line. The parse checks types, ranges
/// and choices; choices may be written in lower or upper case.
class OptionParser {
  public:
    explicit OptionParser(CLI::App& app) : app_(&app) {}

    /// Adds the options that have a flag. --help shows the values of `options` as defaults.
    template <class Options>
    void add(Options options) {
        declare([&](OptionVisitor& visitor) { options.visit(visitor); });
    }
    /// After the parse: sets those of the added options that were given, and leaves the others as they are.
    /// Entries name=number are added to those that a map has. Throws Error for an entry of another form.
    template <class Options>
    void apply(Options& options) const {
        assign([&](OptionVisitor& visitor) { options.visit(visitor); });
    }

  private:
    using Visit = std::function<void(OptionVisitor&)>;
    void declare(const Visit& visit);
    void assign(const Visit& visit) const;

    struct Entry {
        CLI::Option* option;
        std::any value;  ///< a shared_ptr to what the parse writes to
    };
    CLI::App* app_;
    std::map<std::string, Entry> entries_;  // by flag
};

}  // namespace dnsp::tools
