#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"
#include "inference/upscaler.hpp"
#include "training/subject.hpp"

namespace dnsp::tools {

/// A method that restores the high-resolution slice of a pair.
struct Method {
    std::string name;
    std::uint64_t seed = 0;  ///< of the training; 0 for a method that is not trained by a seed
    /// Returns a slice of the size of pair.target, in intensities of the input. It reads pair.low and
    /// pair.input only.
    std::function<imaging::Image(const Subject& subject, const SlicePair& pair)> restore;
    std::shared_ptr<const Upscaler> network;  ///< null for a method without a network
};

/// The input of the networks: "bicubic" enlargement, or "input" if the degradation keeps the grid.
Method bicubic_method(const imaging::Degradation& degradation);

/// A trained network. An empty `label` names it after its model and loss, for example "DNSP-edsr-AP".
Method network_method(const std::filesystem::path& weights, const std::string& label, Device device);

/// Adds to names that several networks share what tells their files apart: "DNSP-edsr-NP (x2-fast)", the name
/// of the file or that of its folder. `weights`: of each network.
void tell_names_apart(std::vector<Method>& networks, const std::vector<std::filesystem::path>& weights);

/// A method of models/classical. `text` is NAME[:option=value,…]; the method is named after it, without the
/// option database, which is a path. "bicubic" is bicubic_method(). The method is told the degradation.
Method classical_method(const std::string& text, const imaging::Degradation& degradation);

}  // namespace dnsp::tools
