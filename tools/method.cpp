#include "tools/method.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "models/classical/method.hpp"

namespace dnsp::tools {
namespace {

/// The text of a method without the option that names a file of this machine: "srsw:database=a.srsw" →
/// "srsw".
std::string without_database(const std::string& text) {
    const auto colon = text.find(':');
    std::string out = text.substr(0, colon);
    char separator = ':';
    for (std::size_t begin = colon; begin != std::string::npos;) {
        const auto end = text.find(',', begin + 1);
        const std::string option = text.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
        if (!option.starts_with("database=")) out += std::exchange(separator, ',') + option;
        begin = end;
    }
    return out;
}

}  // namespace

Method bicubic_method(const imaging::Degradation& degradation) {
    const bool same_grid = degradation.scale == 1 && !degradation.through_plane;
    return {.name = same_grid ? "input" : "bicubic",
            .restore = [](const Subject&, const SlicePair& pair) { return pair.input; },
            .network = nullptr};
}

Method network_method(const std::filesystem::path& weights, const std::string& label, Device device) {
    auto upscaler = std::make_shared<const Upscaler>(load_network(weights, device));
    const TrainedNetwork& network = upscaler->network();
    Method method;
    method.name =
        label.empty() ? fmt::format("DNSP-{}-{}", network.model->options().name, network.variant) : label;
    method.seed = network.seed;
    method.restore = [upscaler](const Subject& subject, const SlicePair& pair) {
        return upscaler->enhance(pair.input, subject.normalisation, subject.tissues);
    };
    method.network = std::move(upscaler);
    return method;
}

void tell_names_apart(std::vector<Method>& networks, const std::vector<std::filesystem::path>& weights) {
    namespace fs = std::filesystem;
    std::map<std::string, std::vector<std::size_t>> networks_of;
    for (std::size_t i = 0; i < networks.size(); ++i) networks_of[networks[i].name].push_back(i);
    for (const auto& [name, indices] : networks_of) {
        if (indices.size() == 1) continue;
        // The first kind of name that is different for all: the file's, its folder's, the path.
        for (const auto& part : {std::function([](const fs::path& path) { return path.stem().string(); }),
                                 std::function([](const fs::path& path) {
                                     return fs::absolute(path).parent_path().filename().string();
                                 }),
                                 std::function([](const fs::path& path) { return path.string(); })}) {
            std::set<std::string> distinct;
            for (const std::size_t i : indices) distinct.insert(part(weights[i]));
            if (distinct.size() < indices.size()) continue;
            for (const std::size_t i : indices) networks[i].name = name + " (" + part(weights[i]) + ")";
            break;
        }
    }
}

Method classical_method(const std::string& text, const imaging::Degradation& degradation) {
    if (text == "bicubic") return bicubic_method(degradation);
    const std::shared_ptr<const classical::Method> classical = classical::make_method(text);
    Method method;
    method.name = without_database(text);
    method.restore = [classical, degradation](const Subject& subject, const SlicePair& pair) {
        imaging::Image low = pair.low;
        imaging::normalise(low.pixels, subject.normalisation);
        imaging::Image high = classical->enlarge(low, degradation);
        imaging::restore(high.pixels, subject.normalisation);
        return high;
    };
    return method;
}

}  // namespace dnsp::tools
