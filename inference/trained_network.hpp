#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "inference/weights_file.hpp"
#include "models/model.hpp"

namespace dnsp {

/// A network ready for inference, with what it was trained for.
struct TrainedNetwork {
    std::unique_ptr<ParameterStore> store;
    std::unique_ptr<Model> model;
    imaging::Degradation degradation;
    std::vector<HeldOut> held_out;
    std::string variant;  ///< of the loss, "AP"; empty if the file does not say it
};

/// The network of a weights file or a checkpoint, on `device`. Of the training settings only the model and
/// the degradation are read. Throws Error("path: reason") for a file that is not of this project, of another
/// model or shape, with missing or unknown tensors, or with NaN among the weights.
TrainedNetwork load_network(const std::filesystem::path& path, Device device);

}  // namespace dnsp
