#pragma once

#include <concepts>
#include <memory>
#include <string>

#include "base/options.hpp"
#include "base/registry.hpp"
#include "engine/parameters.hpp"
#include "engine/tape.hpp"

namespace dnsp {

/// Default values of all Options structs that registered models declare.
OptionSet registered_model_options();

/// Description of a network without its weights. A depth or width of 0 means the model's default.
struct ModelOptions {
    std::string name = "srcnn";
    int depth = 0;            ///< blocks or units, if the model has a depth
    int width = 0;            ///< channels, if the model has a width
    bool global_skip = true;  ///< the network predicts the residual to the bicubic image
    OptionSet own = registered_model_options();
    void visit(OptionVisitor& visitor);
};

/// `options` with a depth and a width of 0 replaced by the model's own. Throws Error if one is negative.
ModelOptions with_defaults(ModelOptions options, int depth, int width);

/// What a network reads of a pixel; inference/network_input.hpp computes it.
enum class InputFeatures {
    intensity,             ///< one channel: the normalised intensity of the enlarged image
    intensity_and_tissues  ///< four: the intensity, and the probabilities of three tissues given the
                           ///< intensity
};
constexpr int input_channels(InputFeatures features) { return features == InputFeatures::intensity ? 1 : 4; }

/// A super-resolution network F(Xs, Θ) = Y, paper Sec. II: [n, h, w, input_channels()], bicubic-enlarged →
/// [n, h, w, 1].
class Model {
  public:
    explicit Model(ModelOptions options) : options_(std::move(options)) {}
    virtual ~Model() = default;

    /// network(input), plus the input if global_skip is set, which needs one channel.
    Tensor forward(Tape& tape, const Tensor& input) const;

    /// The channels of the input. The first is the intensity.
    virtual InputFeatures input_features() const { return InputFeatures::intensity; }
    int input_channels() const { return dnsp::input_channels(input_features()); }

    /// Side of the blocks of image pixels that the layers see as one pixel: the factor of the network's pixel
    /// unshuffle (layers/pixel_shuffle.hpp), or 1. Blocks are counted from the corner of the image.
    virtual int pixel_block() const { return 1; }

    /// Largest distance in blocks (of 1 pixel, unless pixel_block() is overridden) at which an input block
    /// can change an output block. With alignment > 1, each layer's radius is rounded up to a multiple of
    /// `alignment`. Kernels that compute whole alignment × alignment tiles of a layer's image need this halo
    /// to give bitwise identical results (kernels/conv2d/conv2d.hpp, conv2d_alignment).
    virtual int receptive_radius(int alignment = 1) const = 0;

    /// The options with the model's defaults filled in.
    const ModelOptions& options() const { return options_; }

  protected:
    virtual Tensor network(Tape& tape, const Tensor& input) const = 0;
    ModelOptions options_;
};

using ModelRegistry = Registry<Model, const ModelOptions&, ParameterStore&>;
ModelRegistry& model_registry();

/// A model is one file in this folder: a class derived from Model and a line
///   const ModelRegistration<MyModel> registration{"my_model", "one line for --help"};
/// MyModel is constructible from (const ModelOptions&, ParameterStore&) and adds its parameters to the store;
/// the caller then calls ParameterStore::allocate. The optional struct MyModel::Options declares
/// options of the model (base/options.hpp) under keys that no other model uses; options.own.get<Options>()
/// returns it.
template <std::derived_from<Model> M>
struct ModelRegistration {
    ModelRegistration(const std::string& name, const std::string& summary) {
        model_registry().add<M>(
            name, summary, [](const ModelOptions& options, ParameterStore& store) -> std::unique_ptr<Model> {
                return std::make_unique<M>(options, store);
            });
    }
};

/// Throws Error that names the known models.
std::unique_ptr<Model> make_model(const ModelOptions& options, ParameterStore& store);

}  // namespace dnsp
