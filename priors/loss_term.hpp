#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>

#include "base/options.hpp"
#include "base/registry.hpp"
#include "engine/parameters.hpp"
#include "layers/weighted_sum.hpp"

namespace dnsp {

class FilterBank;

/// The images of a training step, [batch, height, width, 1] each, on one device.
struct StepImages {
    const Tensor& output;  ///< of the network; gradients flow into it
    const Tensor& target;  ///< the sharp image
    const Tensor& input;   ///< the enlarged image, the input of the network
};

/// The sharpest and the smoothest patches of the training targets, [number, h, w, 1] of float64.
struct SharpAndSmooth {
    Tensor sharp;
    Tensor smooth;
};

/// A term of the loss. A new term is one file in this folder: a class derived from LossTerm and a line
///   const TermRegistration<MyTerm> registration{"my_term", "one line for --help"};
/// Then --term accepts it, --help lists it, and a variant can name it (objective.cpp).
///
/// MyTerm is constructible from a TermContext&, from a const MyTerm::Options&, or without arguments. The
/// optional struct MyTerm::Options declares the term's options (base/options.hpp). Terms may share it.
class LossTerm {
  public:
    virtual ~LossTerm() = default;

    /// Value of the term, averaged over the batch, and gradients: in closed form, or by differentiate() for a
    /// composition of layers. The log reports the norm of the first gradient, usually with respect to
    /// images.output. After the first call it must not wait for the device or copy from the host, because the
    /// step may be captured as a CUDA graph.
    virtual TermValue evaluate(const StepImages& images) = 0;

    /// If needs_patches(), prepare() is called once, after the parameters are allocated and before the first
    /// evaluate().
    virtual bool needs_patches() const { return false; }
    virtual void prepare(const SharpAndSmooth& /*patches*/) {}

    /// False if value and gradient depend on parameters alone, not on the images of the step.
    virtual bool reads_images() const { return true; }
};

/// Value and gradient of a term that is composed of layers. `compose` computes a float64 scalar [1] from
/// `output` on a tape (value_of() makes a scalar of a TermValue); the tape then differentiates it. Meant for
/// the first version of a term: a closed form can replace it behind the same interface.
TermValue differentiate(const Tensor& output,
                        const std::function<Tensor(Tape&, const Tensor& output)>& compose);

/// A constant tensor. It is made at the first call of like(), and again when dtype or device change.
class Constant {
  public:
    Constant(Shape shape, std::vector<double> values) : shape_(shape), values_(std::move(values)) {}
    /// The constant in the dtype and on the device of `other`.
    const Tensor& like(const Tensor& other);

  private:
    Shape shape_;
    std::vector<double> values_;
    Tensor tensor_;
};

/// The arguments of term constructors: the options of all terms, and parameters that terms share.
class TermContext {
  public:
    TermContext(const OptionSet& options, ParameterStore& store) : options_(options), store_(store) {}

    template <class Options>
    const Options& options() const {
        return options_.get<Options>();
    }
    /// The learned filters (filter_bank.hpp), added to the store at the first call.
    std::shared_ptr<FilterBank> filter_bank();
    /// Null unless a term has called filter_bank().
    FilterBank* filters() const { return filters_.get(); }

  private:
    const OptionSet& options_;
    ParameterStore& store_;
    std::shared_ptr<FilterBank> filters_;
};

/// Throws Error unless images is [n, h, w, 1] and not empty.
void require_images(const Tensor& images, const char* where);
/// Throws Error unless output and target are [n, h, w, 1], not empty, and of one shape, dtype and device.
void require_image_pair(const Tensor& output, const Tensor& target, const char* where);

using TermRegistry = Registry<LossTerm, TermContext&>;
TermRegistry& term_registry();

template <std::derived_from<LossTerm> Term>
struct TermRegistration {
    TermRegistration(const std::string& name, const std::string& summary) {
        term_registry().add<Term>(name, summary, [](TermContext& context) -> std::unique_ptr<LossTerm> {
            if constexpr (std::constructible_from<Term, TermContext&>)
                return std::make_unique<Term>(context);
            else if constexpr (requires { typename Term::Options; })
                return std::make_unique<Term>(context.options<typename Term::Options>());
            else
                return std::make_unique<Term>();
        });
    }
};

}  // namespace dnsp
