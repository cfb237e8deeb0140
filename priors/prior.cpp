#include "priors/prior.hpp"

#include <fmt/format.h>

#include "priors/filter_bank.hpp"

namespace dnsp {
namespace {

struct Entry {
    std::string summary;
    PriorFactory factory;
};

std::map<std::string, Entry>& registry() {
    static std::map<std::string, Entry> entries;
    return entries;
}

}  // namespace

FilterBank& PriorContext::filter_bank() {
    if (!filters) filters = std::make_shared<FilterBank>(*store, options);
    return *filters;
}

PriorRegistration::PriorRegistration(const std::string& name, const std::string& summary,
                                     PriorFactory factory) {
    registry()[name] = {summary, std::move(factory)};
}

std::unique_ptr<Prior> make_prior(const std::string& name, PriorContext& context) {
    const auto found = registry().find(name);
    if (found != registry().end()) return found->second.factory(context);
    std::string known;
    for (const auto& [key, entry] : registry()) known += (known.empty() ? "" : ", ") + key;
    throw Error(fmt::format("[prior] unknown term '{}', expected one of: {}", name, known));
}

std::map<std::string, std::string> registered_priors() {
    std::map<std::string, std::string> out;
    for (const auto& [name, entry] : registry()) out[name] = entry.summary;
    return out;
}

void require_images(const Tensor& output, const char* where) {
    require(output.defined() && output.shape().rank() == 4 && output.shape()[3] == 1 && output.elements() > 0,
            fmt::format("[{}] expects [batch, height, width, 1], got {}", where,
                        output.defined() ? output.shape().text() : "nothing"));
}

}  // namespace dnsp
