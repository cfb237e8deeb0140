#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "imaging/volume_file.hpp"

namespace dnsp::tools {

/// The JSON file that belongs to an image: "scan.nii.gz" → "scan.json".
std::filesystem::path sidecar_path(const std::filesystem::path& image);

/// Throws Error if the folder of `output` does not exist, or if `output` exists and `force` is false, and
/// FileError if no file can be created there or no format of volumes is written to such a name: before a
/// computation, not after it.
void require_free(const std::filesystem::path& output, bool force);

/// True for two paths of one file, also if it does not exist yet.
bool is_one_file(const std::filesystem::path& a, const std::filesystem::path& b);

/// A file of a command line and what the user calls it: "the input", "--json". An empty path: not given.
struct NamedFile {
    std::string name;
    std::filesystem::path path;
};

/// Throws Error if an output is an input or another output: it would destroy the other file.
void require_separate_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs);

/// require_separate_files(), and require_free() for every output.
void require_outputs(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs, bool force);

/// A folder for output, which is created with those above it. Unless keep() is called, the destructor removes
/// what was created and is still empty: a start that fails leaves nothing behind.
class NewFolder {
  public:
    /// Throws Error("folder: reason") if it cannot be created.
    explicit NewFolder(const std::filesystem::path& folder);
    ~NewFolder();
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    void keep() { created_.clear(); }

  private:
    std::vector<std::filesystem::path> created_;  ///< the innermost first
};

enum class ImageKind { volume, picture };
/// The kind by the extension of the name. Throws Error for an unsupported extension.
ImageKind image_kind(const std::filesystem::path& path);

/// Calls `read`, which reads a volume. The error for a file of several volumes then names the option
/// --volume.
template <class Read>
auto naming_volume_option(Read&& read) {
    try {
        return read();
    } catch (const imaging::VolumeNotChosen& error) {
        throw Error(std::string(error.what()) + " with --volume");
    }
}

/// imaging::read_volume(). Reports Volume::notes. The error for a file of several volumes names the option
/// --volume.
imaging::Volume read_volume(const std::filesystem::path& path, std::optional<int> volume);

/// imaging::write_volume(). Reports a changed type as a warning.
void write_volume(const std::filesystem::path& path, const imaging::Volume& volume,
                  imaging::IntensityType type = imaging::IntensityType::keep);

}  // namespace dnsp::tools
