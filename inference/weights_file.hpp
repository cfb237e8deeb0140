#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/options_json.hpp"
#include "engine/parameters.hpp"
#include "engine/safetensors.hpp"
#include "inference/seen_scans.hpp"

namespace dnsp {

/// Slices of one file that training never saw.
struct HeldOut {
    std::string file;         ///< file name without its folder
    std::vector<int> slices;  ///< indices along the slice axis; empty means all of them
};

inline constexpr const char* normalisation_text =
    "percentiles 0.1 and 99.9 of the low-resolution volume to 0 and 1";

inline constexpr const char* pair_normalisation_text =
    "percentiles 0.1 and 99.9 of the low and of the high volume, each to 0 and 1";

/// The tensor name of a parameter in a file, e.g. "model.head.weight"; the learned filters are named
/// "filters".
std::string tensor_name(const ParameterStore::Parameter& parameter);
std::string first_moment_name(const std::string& parameter);
std::string second_moment_name(const std::string& parameter);
inline constexpr const char* reference_norms_name = "filters.reference_norms";

/// A weights file or a checkpoint, written by training/checkpoint.hpp: a safetensors file.
///   Metadata: dnsp.kind "weights" or "checkpoint", dnsp.version, dnsp.settings (JSON), dnsp.degradation
///   (JSON),
///     dnsp.normalisation, dnsp.held_out (JSON), dnsp.seen (JSON), dnsp.command; a checkpoint also dnsp.data
///     (JSON), dnsp.step and dnsp.adam_steps.
///   Tensors: "model.<parameter>" in float32, convolution weights in the order [out, kernel_height,
///     kernel_width, in]; a checkpoint also "adam.m.<parameter>", "adam.v.<parameter>", "filters" and
///     "filters.reference_norms".
/// Every method throws Error("path: reason").
class WeightsFile {
  public:
    /// Refuses a file of another project, and metadata that cannot be parsed.
    explicit WeightsFile(std::filesystem::path path);

    bool is_checkpoint() const { return metadata("dnsp.kind") == "checkpoint"; }
    const std::string& metadata(const std::string& key) const;
    /// Null if the file has no such entry.
    const std::string* find_metadata(const std::string& key) const;
    const nlohmann::json& settings() const { return settings_; }  ///< has "model"
    const std::vector<HeldOut>& held_out() const { return held_out_; }
    /// Of the training; empty if the file has none.
    const SeenScans& seen() const { return seen_; }

    /// Reads `json`, a part of settings(), into `options`. `unknown`: for entries that no option reads.
    enum class Unknown { refuse, ignore };
    template <class Options>
    void read(const nlohmann::json& json, Options& options, Unknown unknown = Unknown::refuse) const {
        read_with(
            json, [&](OptionVisitor& visitor) { options.visit(visitor); }, unknown);
    }

    /// Null if there is no tensor of that name.
    const Tensor* find(const std::string& name);
    /// Copies a tensor into `target`. Refuses another shape or type, and NaN and Inf.
    void restore(const std::string& name, const Tensor& target);
    /// Allows a tensor of that name in the file.
    void allow(const std::string& name) { known_.insert(name); }
    /// Refuses a tensor that no call of find(), restore() or allow() has named.
    void require_no_other_tensors() const;

  private:
    void read_with(const nlohmann::json& json, const std::function<void(OptionVisitor&)>& visit,
                   Unknown unknown) const;
    /// Throws Error("path: " + reason).
    [[noreturn]] void fail(const std::string& reason) const;

    std::filesystem::path path_;
    TensorFile file_;
    nlohmann::json settings_;
    std::vector<HeldOut> held_out_;
    SeenScans seen_;
    std::set<std::string> known_;
};

}  // namespace dnsp
