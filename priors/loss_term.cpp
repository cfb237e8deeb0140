#include "priors/loss_term.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "priors/filter_bank.hpp"

namespace dnsp {
namespace {

std::map<std::string, TermEntry>& registry() {
    static std::map<std::string, TermEntry> entries;
    return entries;
}

}  // namespace

TermValue differentiate(const Tensor& output,
                        const std::function<Tensor(Tape&, const Tensor& output)>& compose) {
    Tensor leaf = output.view(0, output.shape());
    leaf.require_gradient();
    Tape tape;
    const Tensor value = compose(tape, leaf);
    require(value.dtype() == DType::float64 && value.elements() == 1,
            "[differentiate] expects a float64 scalar, got " + value.shape().text());
    tape.backward(value);
    return {value, 1.0, {{output, leaf.gradient()}}};
}

const Tensor& Constant::like(const Tensor& other) {
    if (!tensor_.defined() || tensor_.dtype() != other.dtype() || tensor_.device() != other.device())
        tensor_ = dispatch(other.dtype(), [&]<class T>() {
            return Tensor::from<T>(shape_, std::vector<T>(values_.begin(), values_.end()), other.device());
        });
    return tensor_;
}

std::shared_ptr<FilterBank> TermContext::filter_bank() {
    if (!filters_) filters_ = std::make_shared<FilterBank>(store_, options<FilterOptions>());
    return filters_;
}

void register_term(const std::string& name, const TermEntry& entry) {
    require(registry().emplace(name, entry).second, "[term] two terms are registered as '" + name + "'");
}

std::unique_ptr<LossTerm> make_term(const std::string& name, TermContext& context) {
    const auto found = registry().find(name);
    if (found != registry().end()) return found->second.make(context);
    std::vector<std::string> known;
    for (const auto& [key, entry] : registry()) known.push_back(key);
    throw Error(fmt::format("[term] unknown term '{}', expected one of: {}", name, fmt::join(known, ", ")));
}

std::map<std::string, std::string> registered_terms() {
    std::map<std::string, std::string> out;
    for (const auto& [name, entry] : registry()) out[name] = entry.summary;
    return out;
}

OptionSet registered_term_options() {
    OptionSet options;
    for (const auto& [name, entry] : registry()) entry.declare_options(options);
    return options;
}

void require_images(const Tensor& images, const char* where) {
    require(images.defined() && images.shape().rank() == 4 && images.shape()[3] == 1 && images.elements() > 0,
            fmt::format("[{}] expects [batch, height, width, 1], got {}", where,
                        images.defined() ? images.shape().text() : "nothing"));
}

void require_image_pair(const Tensor& output, const Tensor& target, const char* where) {
    require_images(output, where);
    require(target.defined() && target.shape() == output.shape() && target.dtype() == output.dtype() &&
                target.device() == output.device(),
            fmt::format("[{}] expects a target like the output, {}, got {}", where, output.shape().text(),
                        target.defined() ? target.shape().text() : "nothing"));
}

}  // namespace dnsp
