#pragma once

#include "base/options_json.hpp"
#include "models/model.hpp"

namespace dnsp::testing {

/// Options of a model from JSON, among them those that the model's own file declares:
/// {{"name", "edsr"}, {"unshuffle", 2}}. Options that are not given take their defaults.
inline ModelOptions model_options(const nlohmann::json& settings) {
    ModelOptions options;
    OptionReader reader(settings);
    options.visit(reader);
    require(reader.unknown_key().empty(), "[test] unknown option " + reader.unknown_key());
    return options;
}

/// EDSR with a pixel unshuffle.
inline ModelOptions unshuffled_edsr(int depth, int width, int unshuffle, bool global_skip = true) {
    return model_options({{"name", "edsr"},
                          {"depth", depth},
                          {"width", width},
                          {"global_skip", global_skip},
                          {"unshuffle", unshuffle}});
}

}  // namespace dnsp::testing
