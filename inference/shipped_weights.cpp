#include "inference/shipped_weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "imaging/acquisition.hpp"
#include "inference/weights_file.hpp"

namespace dnsp {
namespace {

namespace fs = std::filesystem;

constexpr const char* extension = ".safetensors";

std::vector<std::string> names(const std::vector<ShippedWeights>& weights) {
    std::vector<std::string> all;
    for (const ShippedWeights& each : weights) all.push_back(each.name);
    return all;
}

/// "the folder has a, b" or "the folder has none".
std::string inventory(const std::vector<ShippedWeights>& weights, const fs::path& folder) {
    if (weights.empty()) return folder.string() + " has no weights";
    return fmt::format("{} has {}", folder.string(), fmt::join(names(weights), ", "));
}

}  // namespace

fs::path shipped_weights_folder() {
    if (const char* folder = std::getenv("DNSP_WEIGHTS")) return folder;
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    require(!error, "/proc/self/exe: cannot be read (" + error.message() + ")");
    return program.parent_path().parent_path() / "share/dnsp/weights";
}

std::vector<ShippedWeights> list_weights(const fs::path& folder) {
    std::vector<ShippedWeights> weights;
    if (!fs::is_directory(folder)) return weights;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() != extension) continue;
        const WeightsFile file(entry.path());
        imaging::DegradationSettings degradation;
        file.read(file.settings(), degradation, WeightsFile::Unknown::ignore);
        weights.push_back({entry.path().stem().string(), entry.path(), degradation.make(), entry.file_size(),
                           file.seen().fine_detail_db});
    }
    std::sort(weights.begin(), weights.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return weights;
}

const ShippedWeights& best_weights(const std::vector<ShippedWeights>& weights, const fs::path& folder,
                                   imaging::Direction direction, int scale, double fine_detail_db) {
    const bool thick = direction == imaging::Direction::through_plane;
    const auto fits = [&](const ShippedWeights& each) {
        return thick ? each.degradation.through_plane.has_value()
                     : !each.degradation.through_plane && each.degradation.scale == scale && scale > 1;
    };
    const auto distance = [&](const ShippedWeights& each) {
        return each.fine_detail_db ? std::abs(*each.fine_detail_db - fine_detail_db) : 1e9;
    };
    const ShippedWeights* best = nullptr;
    for (const ShippedWeights& each : weights)
        if (fits(each) && (best == nullptr || distance(each) < distance(*best))) best = &each;
    require(
        best != nullptr,
        fmt::format("no weights for {} come with this program ({}); give --weights, --method or --self",
                    thick ? "thick slices" : fmt::format("in-plane ×{}", scale), inventory(weights, folder)));
    for (const ShippedWeights& each : weights)
        if (fits(each) && each.degradation.preset == best->degradation.preset && each.bytes > best->bytes)
            best = &each;
    return *best;
}

fs::path find_weights(const std::string& name, const fs::path& folder, const std::string& option) {
    fs::path path = name;
    if (fs::exists(path) || path.has_parent_path() || path.has_extension()) return path;
    const std::vector<ShippedWeights> weights = list_weights(folder);
    for (const ShippedWeights& each : weights)
        if (each.name == name) return each.path;
    throw Error(fmt::format("{} {}: no such file, and {}", option, name, inventory(weights, folder)));
}

std::string purpose(const imaging::Degradation& degradation) {
    if (!degradation.through_plane) {
        if (degradation.scale > 1)
            return fmt::format("in-plane ×{}, {}", degradation.scale, degradation.preset);
        return fmt::format("the same grid ({})", degradation.preset);
    }
    const NumberOrRange spacing = imaging::slice_spacing(degradation);
    if (spacing.is_range())
        return fmt::format("through-plane, slices {:.3g} to {:.3g} mm apart", spacing.low, spacing.high);
    return fmt::format("through-plane, slices {:.3g} mm apart", spacing.low);
}

}  // namespace dnsp
