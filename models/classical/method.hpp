#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/options.hpp"
#include "base/registry.hpp"
#include "imaging/degradation.hpp"
#include "imaging/image.hpp"

namespace dnsp::classical {

/// A method that enlarges slices without a network. Methods are immutable: several threads may call enlarge()
/// of one object.
class Method {
  public:
    virtual ~Method() = default;

    /// `low`: a low-resolution slice in normalised intensities (imaging/normalisation.hpp), about 0 … 1.
    /// Returns the slice enlarged by degradation.scale. The result does not depend on the number of threads.
    /// Throws FileError for an empty slice, a slice with values that are not finite, and an invalid
    /// degradation.
    imaging::Image enlarge(const imaging::Image& low, const imaging::Degradation& degradation) const;

  protected:
    /// enlarge() for a checked slice.
    virtual imaging::Image enlarge_checked(const imaging::Image& low,
                                           const imaging::Degradation& degradation) const = 0;
};

/// enlarge() of every slice, on all threads.
std::vector<imaging::Image> enlarge_all(const Method& method, std::span<const imaging::Image> low,
                                        const imaging::Degradation& degradation);

/// The method that `text` names: "NAME" or "NAME:option=value,option=value". Throws Error for an unknown name
/// (names the known methods), an unknown option (names the method's options) and a value outside an option's
/// range or choices.
std::unique_ptr<Method> make_method(const std::string& text);

/// The methods, each with a summary and its options, one a line, for --help.
std::string method_help();

/// The options of one method in a text "option=value,option=value".
class OptionText {
  public:
    /// Throws Error unless `options` is empty or a list of that form without repeated options.
    OptionText(std::string method, const std::string& options);

    /// Options{} with the given values. Throws Error as make_method() does.
    template <class Options>
    Options read() const {
        Options options;
        read([&](OptionVisitor& visitor) { options.visit(visitor); });
        return options;
    }
    /// Throws Error if there is an option.
    void require_none() const;

  private:
    using Visit = std::function<void(OptionVisitor&)>;
    void read(const Visit& visit) const;

    std::string method_;
    std::map<std::string, std::string> values_;
};

/// One line "  option=default  help" for each option.
std::string option_lines(const std::function<void(OptionVisitor&)>& visit);

using MethodRegistry = Registry<Method, const OptionText&>;
MethodRegistry& method_registry();

/// A method is one file in this folder: a class derived from Method and a line
///   const MethodRegistration<MyMethod> registration{"my-method", "one line for --help"};
/// The optional struct MyMethod::Options declares the options (base/options.hpp) by their keys; MyMethod is
/// then constructible from Options, otherwise by default.
template <std::derived_from<Method> M>
struct MethodRegistration {
    MethodRegistration(const std::string& name, const std::string& summary) {
        if constexpr (requires { typename M::Options; }) {
            const std::string lines =
                option_lines([options = typename M::Options{}](OptionVisitor& visitor) mutable {
                    options.visit(visitor);
                });
            method_registry().add<M>(name, summary + lines,
                                     [](const OptionText& text) -> std::unique_ptr<Method> {
                                         return std::make_unique<M>(text.read<typename M::Options>());
                                     });
        } else {
            method_registry().add<M>(name, summary, [](const OptionText& text) -> std::unique_ptr<Method> {
                text.require_none();
                return std::make_unique<M>();
            });
        }
    }
};

}  // namespace dnsp::classical
