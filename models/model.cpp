#include "models/model.hpp"

#include <fmt/format.h>

#include "layers/add_scaled.hpp"

namespace dnsp {
namespace {

struct Entry {
    std::string summary;
    ModelFactory make;
    void (*declare)(OptionSet&);
};

std::map<std::string, Entry>& registry() {
    static std::map<std::string, Entry> entries;
    return entries;
}

}  // namespace

Tensor Model::forward(Tape& tape, const Tensor& input) const {
    require(input.shape().rank() == 4 && input.shape()[3] == 1,
            "[" + options_.name + "] expects [batch, height, width, 1], got " + input.shape().text());
    const Tensor output = network(tape, input);
    return options_.global_skip ? add_scaled(tape, input, 1.0, output) : output;
}

ModelRegistration::ModelRegistration(const std::string& name, const std::string& summary, ModelFactory make,
                                     void (*declare)(OptionSet&)) {
    const bool is_new = registry().emplace(name, Entry{summary, std::move(make), declare}).second;
    require(is_new, fmt::format("[model] '{}' is registered twice", name));
}

OptionSet registered_model_options() {
    OptionSet options;
    for (const auto& [name, entry] : registry())
        if (entry.declare) entry.declare(options);
    return options;
}

void ModelOptions::visit(OptionVisitor& v) {
    const std::string group = "Network";
    std::string models;
    for (const auto& [model, summary] : registered_models())
        models += (models.empty() ? "" : "; ") + model + ": " + summary;
    v.option({.key = "name", .flag = "--model", .help = models, .group = group}, name);
    v.option({.key = "depth",
              .flag = "--depth",
              .help = "residual blocks; 0: the model's own number",
              .group = group,
              .range = Range::non_negative},
             depth);
    v.option({.key = "width",
              .flag = "--width",
              .help = "channels; 0: the model's own number",
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

std::unique_ptr<Model> make_model(const ModelOptions& options, ParameterStore& store) {
    if (const auto found = registry().find(options.name); found != registry().end()) {
        ModelOptions complete = options;
        if (found->second.declare) found->second.declare(complete.own);
        return found->second.make(complete, store);
    }
    std::string known;
    for (const auto& [name, entry] : registry()) known += (known.empty() ? "" : ", ") + name;
    throw Error(fmt::format("[model] unknown model '{}', expected one of: {}", options.name, known));
}

std::map<std::string, std::string> registered_models() {
    std::map<std::string, std::string> out;
    for (const auto& [name, entry] : registry()) out[name] = entry.summary;
    return out;
}

}  // namespace dnsp
