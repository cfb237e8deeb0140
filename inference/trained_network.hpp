#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "inference/weights_file.hpp"
#include "models/model.hpp"

namespace dnsp {

/// A network ready for inference, and facts about its training.
struct TrainedNetwork {
    std::unique_ptr<ParameterStore> store;
    std::unique_ptr<Model> model;
    imaging::Degradation degradation;
    std::vector<HeldOut> held_out;
    SeenScans seen;          ///< by its training; empty if the file does not tell
    std::string variant;     ///< of the loss, e.g. "AP"; empty if the file has none
    std::uint64_t seed = 0;  ///< of the training; 0 if the file has none
};

/// Reads the network of a weights file or a checkpoint to `device`. Of the training settings it reads the
/// model, the degradation and the variant. Throws Error("path: reason") for a file of another project, model
/// or shape, for missing or unknown tensors, and for weights that are NaN or infinite.
TrainedNetwork load_network(const std::filesystem::path& path, Device device);

}  // namespace dnsp
