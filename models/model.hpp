#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "engine/parameters.hpp"
#include "engine/tape.hpp"

namespace dnsp {

/// Default options of all models that bring their own.
OptionSet registered_model_options();

/// What describes a network besides its weights. A depth or width of 0 means the model's own.
struct ModelOptions {
    std::string name = "srcnn";
    int depth = 0;            ///< residual blocks, where the model has a depth
    int width = 0;            ///< channels, where the model has a width
    bool global_skip = true;  ///< the network predicts the residual to the bicubic image
    OptionSet own = registered_model_options();
    void visit(OptionVisitor& visitor);
};

/// A super-resolution network F(Xs, Θ) = Y, paper Sec. II: [n, h, w, 1] bicubic-enlarged in, same shape out.
class Model {
  public:
    explicit Model(ModelOptions options) : options_(std::move(options)) {}
    virtual ~Model() = default;

    /// network(input), plus the input itself for global_skip.
    Tensor forward(Tape& tape, const Tensor& input) const;

    /// Pixels beyond which the input cannot change an output pixel. With alignment > 1, each layer's radius
    /// is rounded up to a multiple of `alignment`. Kernels that compute whole alignment × alignment tiles
    /// need this halo to give bitwise identical results (kernels/conv2d/conv2d.hpp, conv2d_alignment).
    virtual int receptive_radius(int alignment = 1) const = 0;

    /// With the defaults filled in.
    const ModelOptions& options() const { return options_; }

  protected:
    virtual Tensor network(Tape& tape, const Tensor& input) const = 0;
    ModelOptions options_;
};

/// A model is one file of this folder: a class derived from Model and a line
///   static const ModelRegistration registration{"name", "one line for --help", make};
/// `make` adds the model's parameters to the store; the caller then calls ParameterStore::allocate. A model
/// with further options passes declare_options<Options>, where Options has visit(OptionVisitor&) and keys
/// that no other model has, and finds them as options.own.get<Options>(). Throws Error for a name that is
/// taken.
using ModelFactory = std::function<std::unique_ptr<Model>(const ModelOptions&, ParameterStore&)>;

template <class Options>
void declare_options(OptionSet& set) {
    set.declare<Options>();
}

struct ModelRegistration {
    ModelRegistration(const std::string& name, const std::string& summary, ModelFactory make,
                      void (*declare)(OptionSet&) = nullptr);
};

/// Throws Error naming the known models.
std::unique_ptr<Model> make_model(const ModelOptions& options, ParameterStore& store);

/// Name and summary of every registered model.
std::map<std::string, std::string> registered_models();

}  // namespace dnsp
