#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "engine/parameters.hpp"
#include "models/model.hpp"

namespace dnsp {

/// The network that a run starts from instead of random numbers (train_dnsp --init).
struct InitialNetwork {
    ModelOptions model;  ///< with the model's defaults filled in
    /// Float32 in host memory, by the name of the parameter, e.g. "head.weight". "filters", the learned
    /// filters of the priors, if the file has them.
    std::map<std::string, Tensor> tensors = {};
    std::string description = {};  ///< what is taken, for the user
    std::filesystem::path path;
    std::string sha256;  ///< of the file
};

/// Reads a weights file or a checkpoint (inference/weights_file.hpp), or EDSR of PyTorch, which needs
/// `wanted` and `given` (training/pytorch_edsr.hpp). Throws Error("path: reason") for what load_network() and
/// read_pytorch_edsr() refuse.
InitialNetwork read_initial_network(const std::filesystem::path& path, const ModelOptions& wanted,
                                    const std::function<bool(const std::string& flag)>& given);

/// Copies the tensors into the parameters of their names. Precondition: the store holds the parameters of a
/// model with the options `initial.model`, and is allocated. Throws Error("path: reason") that names the
/// tensor for a filter bank of another size.
void copy_parameters(const InitialNetwork& initial, const ParameterStore& store);

}  // namespace dnsp
