#include "models/model.hpp"

#include <fmt/format.h>

#include "layers/add_scaled.hpp"

namespace dnsp {
namespace {

struct Entry {
    std::string summary;
    ModelFactory factory;
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

ModelRegistration::ModelRegistration(const std::string& name, const std::string& summary,
                                     ModelFactory factory) {
    registry()[name] = {summary, std::move(factory)};
}

std::unique_ptr<Model> make_model(const ModelOptions& options, ParameterStore& store) {
    const auto found = registry().find(options.name);
    if (found != registry().end()) return found->second.factory(options, store);
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
