#pragma once

// A network and its weights file. The file is written here, because inference does not depend on training.
#include "base/philox.hpp"
#include "inference/weights_file.hpp"
#include "models/model.hpp"
#include "tests/test_device.hpp"

namespace dnsp::testing {

inline TensorFile weights_file_of(const ModelOptions& options, const ParameterStore& store) {
    TensorFile file;
    const nlohmann::json settings = {
        {"model", to_json(options)}, {"scale", 2}, {"preset", "gaussian"}, {"prior", {{"variant", "AP"}}}};
    file.metadata = {{"dnsp.kind", "weights"},
                     {"dnsp.version", "1.2.3"},
                     {"dnsp.settings", settings.dump()},
                     {"dnsp.held_out", R"([{"file": "scan.nii.gz", "slices": [3, 4, 5]}])"}};
    for (const auto& p : store.parameters()) file.tensors["model." + p.name] = p.value;
    return file;
}

/// A network with random weights in all layers, and its file.
struct SavedNetwork {
    ParameterStore store;
    std::unique_ptr<Model> model;
    SavedNetwork(const ModelOptions& options, const std::filesystem::path& path) {
        model = make_model(options, store);
        store.allocate(DType::float32, test_device(), 7);
        const Philox random{1, 2};
        for (const auto& p : store.parameters()) {
            Tensor value = p.value;  // shares the memory of p
            std::vector<float> values = value.to_vector<float>();
            for (std::int64_t i = 0; i < p.value.elements(); ++i)
                values[static_cast<std::size_t>(i)] +=
                    0.05f * static_cast<float>(random.normal(static_cast<std::uint64_t>(p.first + i)));
            value.copy_from(Tensor::from<float>(value.shape(), values));
        }
        write_safetensors(path, weights_file_of(options, store));
    }
};

}  // namespace dnsp::testing
