#include "tools/method.hpp"

#include <fmt/format.h>

#include "models/classical/method.hpp"

namespace dnsp::tools {

Method bicubic_method(const imaging::Degradation& degradation) {
    return {.name = degradation.scale == 1 ? "input" : "bicubic",
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
    method.network = upscaler;
    return method;
}

Method classical_method(const std::string& text, const imaging::Degradation& degradation) {
    if (text == "bicubic") return bicubic_method(degradation);
    const std::shared_ptr<const classical::Method> classical = classical::make_method(text);
    Method method;
    method.name = text;
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
