#include "tools/files.hpp"

#include <fmt/format.h>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/warning.hpp"
#include "imaging/file_names.hpp"
#include "imaging/image_folder.hpp"
#include "imaging/volume_file.hpp"

namespace dnsp::tools {

namespace fs = std::filesystem;

bool is_one_file(const fs::path& a, const fs::path& b) {
    std::error_code error;
    return fs::equivalent(a, b, error) ||
           fs::weakly_canonical(fs::absolute(a)) == fs::weakly_canonical(fs::absolute(b));
}

fs::path sidecar_path(const fs::path& image) {
    return image.parent_path() / (imaging::name_without_extension(image) + ".json");
}

void require_free(const fs::path& output, bool force) {
    const fs::path folder = output.has_parent_path() ? output.parent_path() : fs::path(".");
    require(fs::is_directory(folder),
            folder.string() + ": no such folder; " + output.filename().string() + " cannot be written");
    require(!fs::is_directory(output), output.string() + ": is a folder, expected a file name");
    if (imaging::is_volume_path(output)) imaging::require_writable_format(output);
    require(force || !fs::exists(output), output.string() + ": already exists; --force overwrites it");
    const AtomicFile probe(output);  // creates a file in the folder, and removes it
}

void require_separate_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs) {
    std::vector<NamedFile> others = inputs;
    for (const NamedFile& output : outputs) {
        if (output.path.empty()) continue;
        for (const NamedFile& other : others)
            require(other.path.empty() || !is_one_file(other.path, output.path),
                    fmt::format("{}: is both {} and {}", output.path.string(), other.name, output.name));
        others.push_back(output);
    }
}

void require_outputs(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs,
                     bool force) {
    require_separate_files(inputs, outputs);
    for (const NamedFile& output : outputs)
        if (!output.path.empty()) require_free(output.path, force);
}

NewFolder::NewFolder(const fs::path& folder) {
    std::error_code error;
    for (fs::path path = fs::absolute(folder).lexically_normal();
         !fs::exists(path, error) && path.has_parent_path(); path = path.parent_path())
        if (path.has_filename()) created_.push_back(path);
    fs::create_directories(folder, error);
    require(!error && fs::is_directory(folder),
            folder.string() + ": cannot be created" + (error ? " (" + error.message() + ")" : ""));
}

NewFolder::~NewFolder() {
    std::error_code ignored;  // fs::remove() keeps a folder that is not empty
    for (const fs::path& path : created_) fs::remove(path, ignored);
}

ImageKind image_kind(const fs::path& path) {
    imaging::require_image_path(path);
    return imaging::is_volume_path(path) ? ImageKind::volume : ImageKind::picture;
}

imaging::Volume read_volume(const fs::path& path, std::optional<int> volume) {
    return naming_volume_option([&] {
        imaging::Volume result = imaging::read_volume(path, volume);
        for (const std::string& note : result.notes) warn(result.path, note);
        return result;
    });
}

void write_volume(const fs::path& path, const imaging::Volume& volume, imaging::IntensityType type) {
    const std::string change = imaging::write_volume(path, volume, type);
    if (!change.empty()) warn(path.string(), change);
}

}  // namespace dnsp::tools
