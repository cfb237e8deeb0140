#include "models/model.hpp"

#include "layers/add_scaled.hpp"

namespace dnsp {
ModelRegistry& model_registry() {
    static ModelRegistry registry("model");
    return registry;
}

OptionSet registered_model_options() { return model_registry().default_options(); }

Tensor Model::forward(Tape& tape, const Tensor& input) const {
    require(input.shape().rank() == 4 && input.shape()[3] == input_channels(),
            "[" + options_.name + "] expects [batch, height, width, " + std::to_string(input_channels()) +
                "], got " + input.shape().text());
    require(!options_.global_skip || input_channels() == 1,
            "[" + options_.name + "] a global skip needs an input of one channel");
    const Tensor output = network(tape, input);
    return options_.global_skip ? add_scaled(tape, input, 1.0, output) : output;
}

void ModelOptions::visit(OptionVisitor& v) {
    const std::string group = "Network";
    v.option({.key = "name", .flag = "--model", .help = model_registry().help(), .group = group}, name);
    v.option({.key = "depth",
              .flag = "--depth",
              .help = "residual blocks (edsr) or dense units (dcsrn); 0: the model's default",
              .group = group,
              .range = Range::non_negative},
             depth);
    v.option({.key = "width",
              .flag = "--width",
              .help = "channels; 0: the model's default",
              .group = group,
              .range = Range::non_negative},
             width);
    v.option({.key = "global_skip",
              .flag = "--global-skip",
              .help = "the network predicts the residual to the bicubic image (true), or the image (false)",
              .group = group},
             global_skip);
    own.visit(v);
}

ModelOptions with_defaults(ModelOptions options, int depth, int width) {
    require(options.depth >= 0 && options.width >= 0,
            "[" + options.name + "] depth and width must not be negative");
    if (options.depth == 0) options.depth = depth;
    if (options.width == 0) options.width = width;
    return options;
}

std::unique_ptr<Model> make_model(const ModelOptions& options, ParameterStore& store) {
    return model_registry().make(options.name, options, store);
}

}  // namespace dnsp
