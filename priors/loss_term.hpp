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
    const Tensor& input;   ///< the enlarged image that the network was given
};

/// Patches of training targets, [number, h, w, 1] of float64: the sharpest and the smoothest ones.
struct SharpAndSmooth {
    Tensor sharp;
    Tensor smooth;
};

/// A term of the loss. A new one is one file of this folder: a class derived from LossTerm and a line
///   const TermRegistration<MyTerm> registration{"my_term", "one line for --help"};
/// It is then known to --term, to --help, and, by name, to the variants (objective.cpp).
///
/// MyTerm is constructible from a TermContext&, from a const MyTerm::Options&, or from nothing. The struct
/// MyTerm::Options, where there is one, declares the term's options (base/options.hpp); terms may share one.
class LossTerm {
  public:
    virtual ~LossTerm() = default;

    /// The term's value for these images, averaged over the batch, and its gradients. The first gradient is
    /// the one whose norm is reported, as a rule that with respect to images.output. Either in closed form,
    /// or by differentiate() for a composition of layers. Must not wait for the device and must not copy from
    /// the host after the first call: the step may be captured as a CUDA graph.
    virtual TermValue evaluate(const StepImages& images) = 0;

    /// A term that needs training patches is given them once, when all parameters are allocated and before
    /// the first evaluate().
    virtual bool needs_patches() const { return false; }
    virtual void prepare(const SharpAndSmooth& /*patches*/) {}
};

/// A term that is composed of layers: `compose` computes a float64 scalar [1] from an image like `output` on
/// a tape (value_of() makes one of a TermValue), and the tape differentiates it at once. For a first version
/// of a term; a closed form can replace it later behind the same interface.
TermValue differentiate(const Tensor& output,
                        const std::function<Tensor(Tape&, const Tensor& output)>& compose);

/// A constant that terms need on a device: made at the first call and when dtype or device change.
class Constant {
  public:
    Constant(Shape shape, std::vector<double> values) : shape_(shape), values_(std::move(values)) {}
    /// In the dtype of `other` and on its device.
    const Tensor& like(const Tensor& other);

  private:
    Shape shape_;
    std::vector<double> values_;
    Tensor tensor_;
};

/// What terms are made from: the options of all terms, and parameters that terms share.
class TermContext {
  public:
    TermContext(const OptionSet& options, ParameterStore& store) : options_(options), store_(store) {}

    template <class Options>
    const Options& options() const {
        return options_.get<Options>();
    }
    /// The learned filters (filter_bank.hpp), added to the store at the first call.
    std::shared_ptr<FilterBank> filter_bank();
    /// Null unless a term has asked for them.
    FilterBank* filters() const { return filters_.get(); }

  private:
    const OptionSet& options_;
    ParameterStore& store_;
    std::shared_ptr<FilterBank> filters_;
};

/// Throws Error unless images is [n, h, w, 1] and not empty.
void require_images(const Tensor& images, const char* where);
/// Throws Error unless both are such images of one shape, dtype and device.
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
