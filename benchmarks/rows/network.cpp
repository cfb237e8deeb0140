#include "benchmarks/rows/network.hpp"

#include "base/options_json.hpp"

namespace dnsp::benchmarks {

Network::Network(const Parameters& parameters) {
    ModelOptions options;
    options.name = parameters.at("model").get<std::string>();
    options.depth = parameters.value("depth", 0);
    options.width = parameters.value("width", 0);
    OptionReader reader(parameters);
    options.own.visit(reader);
    model = make_model(options, store);
}

void Network::allocate(Device device) {
    store.allocate(DType::float32, device, 1);
    std::uint64_t stream = 100;
    for (const ParameterStore::Parameter& p : store.parameters())
        if (p.initialiser.kind == Initialiser::Kind::zeros && is_trained(p.group))
            p.value.copy_from(random_tensor(p.shape, 0.02, stream++));
}

std::map<std::string, Tensor> Network::weights() const {
    std::map<std::string, Tensor> all;
    for (const ParameterStore::Parameter& p : store.parameters()) {
        const Tensor copy = Tensor::empty(p.shape, DType::float32);
        copy.copy_from(p.value);
        all.emplace(p.name, copy);
    }
    return all;
}

double Network::flops_per_pixel() const {
    double multiplications = 0;
    for (const ParameterStore::Parameter& p : store.parameters())
        if (p.group == ParameterGroup::network && p.shape.rank() == 4)
            multiplications += static_cast<double>(p.shape.elements());
    const double block = model->pixel_block();
    return 2 * multiplications / (block * block);
}

}  // namespace dnsp::benchmarks
