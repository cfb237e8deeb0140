#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/degradation.hpp"

namespace dnsp {

/// A weights file of a folder of weights, and what it is for.
struct ShippedWeights {
    std::string name;  ///< of the file without its extension, e.g. "x2-good"
    std::filesystem::path path;
    imaging::Degradation degradation;  ///< of its training
    std::uintmax_t bytes = 0;
    /// SeenScans::fine_detail_db of its training.
    std::optional<double> fine_detail_db = {};
};

/// The folder of the weights that come with the programs: $DNSP_WEIGHTS if it is set, else
/// ../share/dnsp/weights from the folder of the running program.
std::filesystem::path shipped_weights_folder();

/// The weights files of a folder, by name; none if the folder does not exist. Throws Error("path: reason")
/// for a file that is not a weights file.
std::vector<ShippedWeights> list_weights(const std::filesystem::path& folder);

/// The network for a direction, in-plane with that scale. If there are some for several presets: of the
/// preset whose training saw scans with the fine detail nearest to `fine_detail_db`, the scan's
/// (imaging::ScanStatistics). Of these the largest. Throws Error, naming the folder and what there is, if
/// there is none.
const ShippedWeights& best_weights(const std::vector<ShippedWeights>& weights,
                                   const std::filesystem::path& folder, imaging::Direction direction,
                                   int scale, double fine_detail_db);

/// The file that `name` stands for: itself if it exists or has a folder or an extension, else the weights of
/// that name in the folder. Throws Error that names `option` and the known ones.
std::filesystem::path find_weights(const std::string& name, const std::filesystem::path& folder,
                                   const std::string& option = "--weights");

/// What weights are for: "in-plane ×2, gaussian" or "through-plane, slices 2 to 6 mm apart".
std::string purpose(const imaging::Degradation& degradation);

}  // namespace dnsp
