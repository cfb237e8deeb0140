#include "models/classical/method.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "base/error.hpp"

namespace dnsp::classical {

MethodRegistry& method_registry() {
    static MethodRegistry registry("method");
    return registry;
}

imaging::Image Method::enlarge(const imaging::Image& low, const imaging::Degradation& degradation) const {
    require(low.height > 0 && low.width > 0, "image", "the slice is empty");
    require(std::ranges::all_of(low.pixels, [](float value) { return std::isfinite(value); }), "image",
            "the slice has values that are not finite");
    imaging::validate(degradation);
    require(!degradation.through_plane, "image", "the method enlarges both sides, not thick slices");
    return enlarge_checked(low, degradation);
}

std::vector<imaging::Image> enlarge_all(const Method& method, std::span<const imaging::Image> low,
                                        const imaging::Degradation& degradation) {
    std::vector<imaging::Image> enlarged(low.size());
    std::vector<std::exception_ptr> failures(low.size());
#pragma omp parallel for schedule(dynamic)
    for (std::size_t i = 0; i < low.size(); ++i) {
        try {
            enlarged[i] = method.enlarge(low[i], degradation);
        } catch (...) {
            failures[i] = std::current_exception();
        }
    }
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);
    return enlarged;
}

std::unique_ptr<Method> make_method(const std::string& text) {
    const auto colon = text.find(':');
    const std::string name = text.substr(0, colon);
    require(colon == std::string::npos || colon + 1 < text.size(),
            "[method] " + text + ": expected options after the colon");
    const std::string options = colon == std::string::npos ? "" : text.substr(colon + 1);
    // An unknown name is reported before its options.
    if (!method_registry().summaries().contains(name)) return method_registry().make(name, {name, ""});
    return method_registry().make(name, {name, options});
}

std::string method_help() {
    std::string text;
    for (const auto& [name, summary] : method_registry().summaries())
        text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", name, summary);
    return text;
}

}  // namespace dnsp::classical
