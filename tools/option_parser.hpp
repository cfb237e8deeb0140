#pragma once

#include <CLI/CLI.hpp>
#include <any>
#include <functional>
#include <map>
#include <string>

#include "base/options.hpp"

namespace dnsp::tools {

/// Accepts finite numbers above 0. CLI::PositiveNumber also accepts "nan".
CLI::Validator positive_number();

/// Adds options that a visit() declares (base/options.hpp) to a command line. The parse checks types, ranges
/// and choices; choices may be written in lower or upper case.
class OptionParser {
  public:
    explicit OptionParser(CLI::App& app) : app_(&app) {}

    /// Adds the options that have a flag. --help shows the values of `options` as defaults.
    template <class Options>
    void add(Options options) {
        declare([&](OptionVisitor& visitor) { options.visit(visitor); });
    }
    /// Call it after the parse. Sets the added options that were given, and leaves the others unchanged. An
    /// option of map type adds its entries name=number to the map. Throws Error for an entry of another form.
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
        std::any value;  ///< a shared_ptr to the variable that the parse writes
    };
    CLI::App* app_;
    std::map<std::string, Entry> entries_;  // by flag
};

}  // namespace dnsp::tools
