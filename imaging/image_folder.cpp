#include "imaging/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/counted.hpp"
#include "base/error.hpp"
#include "imaging/file_names.hpp"
#include "imaging/picture.hpp"
#include "imaging/volume_file.hpp"

namespace dnsp::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t named_files = 5;  // in a sentence

bool is_companion(const fs::path& path) {
    for (const char* extension :
         {".json", ".bval", ".bvec", ".tsv", ".csv", ".html", ".raw", ".raw.gz", ".zraw"})
        if (has_extension(path, extension)) return true;
    const std::string stem = path.stem().string();
    return stem == "README" || stem == "LICENSE" || stem == "CHANGES";
}

/// "a, b, c, d, e and 7 more"
std::string listed(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    std::string text;
    for (std::size_t i = 0; i < std::min(named_files, names.size()); ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    return names.size() > named_files ? fmt::format("{} and {} more", text, names.size() - named_files)
                                      : text;
}

/// The sentence about what a listing ignored; empty if there is nothing to say.
std::string ignored_text(const std::vector<std::string>& files, const std::vector<std::string>& folders,
                         FolderImages kind) {
    const bool one = files.size() == 1;
    std::string text;
    if (!files.empty())
        text = fmt::format("{} {} and {} ignored: {}", counted(files.size(), "file"),
                           kind == FolderImages::volumes ? (one ? "is no volume" : "are no volumes")
                                                         : (one ? "is no image" : "are no images"),
                           one ? "is" : "are", listed(files));
    if (!folders.empty())
        text += fmt::format("{}{} in it {} not searched: {}", text.empty() ? "" : "; ",
                            counted(folders.size(), "folder"), folders.size() == 1 ? "is" : "are",
                            listed(folders));
    return text;
}

}  // namespace

void require_image_path(const fs::path& path) {
    for (const char* extension : {".hdr", ".img", ".hdr.gz", ".img.gz"})
        require(!has_extension(path, extension),
                path.string() + ": pairs of .hdr and .img are neither read nor written; use one .nii file");
    require(is_volume_path(path) || is_picture_path(path),
            fmt::format("{}: unsupported extension, expected one of {}, .png, .jpg, .jpeg", path.string(),
                        volume_extensions()));
}

std::vector<fs::path> images_of_folder(const fs::path& folder, FolderImages kind, const Notice& notice) {
    std::vector<fs::path> images;
    std::vector<std::string> files, folders;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const fs::path& path = it->path();
        const std::string name = path.filename().string();
        std::error_code ignored;
        if (name.starts_with(".")) continue;
        if (it->is_directory(ignored))
            folders.push_back(name);
        else if (is_volume_path(path) ||
                 (kind == FolderImages::volumes_and_pictures && is_picture_path(path)))
            images.push_back(path);
        else if (!is_companion(path))
            files.push_back(name);
    }
    require(!error, folder.string() + ": cannot be read (" + error.message() + ")");
    const std::string text = ignored_text(files, folders, kind);
    require(
        !images.empty(),
        fmt::format("{}: the folder holds no {} ({}{}){}", folder.string(),
                    kind == FolderImages::volumes ? "volume" : "image", volume_extensions(),
                    kind == FolderImages::volumes ? "" : ", .png, .jpg", text.empty() ? "" : "; " + text));
    if (notice && !text.empty()) notice(folder.string() + ": " + text);
    std::sort(images.begin(), images.end());
    return images;
}

}  // namespace dnsp::imaging
