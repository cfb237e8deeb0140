#include "inference/trained_network.hpp"

namespace dnsp {
namespace {

constexpr const char* filters_name = "filters";

/// The settings of the loss that inference reads.
struct Loss {
    std::string variant;
    void visit(OptionVisitor& visitor) { visitor.option({.key = "variant"}, variant); }
};

/// The settings of the training that inference reads.
struct Training {
    std::uint64_t seed = 0;
    void visit(OptionVisitor& visitor) { visitor.option({.key = "seed"}, seed); }
};

}  // namespace

TrainedNetwork load_network(const std::filesystem::path& path, Device device) {
    WeightsFile file(path);
    ModelOptions model;
    file.read(file.settings().at("model"), model);
    imaging::DegradationSettings degradation;
    file.read(file.settings(), degradation, WeightsFile::Unknown::ignore);

    TrainedNetwork network;
    network.held_out = file.held_out();
    network.seen = file.seen();
    Loss loss;
    if (file.settings().contains("prior"))
        file.read(file.settings().at("prior"), loss, WeightsFile::Unknown::ignore);
    network.variant = loss.variant;
    Training training;
    file.read(file.settings(), training, WeightsFile::Unknown::ignore);
    network.seed = training.seed;
    network.store = std::make_unique<ParameterStore>();
    try {
        network.degradation = degradation.make();
        network.model = make_model(model, *network.store);
    } catch (const std::runtime_error& error) {
        throw Error(path.string() + ": " + error.what());
    }
    network.store->allocate(DType::float32, device, 0);
    for (const auto& p : network.store->parameters()) file.restore(tensor_name(p), p.value);
    std::vector<std::string> trained;  // a checkpoint has moments of these parameters
    for (const auto& p : network.store->parameters())
        if (is_trained(p.group)) trained.push_back(p.name);
    if (file.is_checkpoint()) {
        trained.emplace_back(filters_name);
        for (const char* name : {filters_name, reference_norms_name}) file.allow(name);
    }
    for (const std::string& name : trained)
        for (const std::string& moment : {first_moment_name(name), second_moment_name(name)})
            file.allow(moment);
    file.require_no_other_tensors();
    return network;
}

}  // namespace dnsp
