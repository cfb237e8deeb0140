#include "imaging/volume_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "imaging/file_names.hpp"
#include "imaging/storage.hpp"
#include "imaging/stored_voxels.hpp"

namespace dnsp::imaging {
namespace {

std::vector<VolumeFormat>& formats() {
    static std::vector<VolumeFormat> all;
    return all;
}

bool has_one_of(const std::filesystem::path& path, const std::vector<std::string>& extensions) {
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](const std::string& extension) { return has_extension(path, extension); });
}

std::string joined(std::vector<std::string> extensions) {
    std::sort(extensions.begin(), extensions.end());
    return fmt::format("{}", fmt::join(extensions, ", "));
}

const VolumeFormat* find_format(const std::filesystem::path& path) {
    for (const VolumeFormat& format : formats())
        if (has_one_of(path, format.extensions)) return &format;
    return nullptr;
}

const VolumeFormat& format_of(const std::filesystem::path& path) {
    const VolumeFormat* format = find_format(path);
    require(format != nullptr, path.string(),
            "the extension is not that of a volume, expected one of " + volume_extensions());
    return *format;
}

}  // namespace

std::pair<std::int64_t, std::int64_t> VolumeSelection::of(std::int64_t count, const std::string& path) const {
    if (all) return {0, count};
    if (count > 1 && !index)
        throw VolumeNotChosen(
            fmt::format("{}: 4-D file with {} volumes; choose one of 0…{}", path, count, count - 1));
    const int chosen = index.value_or(0);
    require(chosen >= 0 && chosen < count, path,
            count == 1 ? fmt::format("there is no volume {}; the file is 3-D", chosen)
                       : fmt::format("there is no volume {}; the file has volumes 0…{}", chosen, count - 1));
    return {chosen, 1};
}

VolumeFormatRegistration::VolumeFormatRegistration(VolumeFormat format) {
    formats().push_back(std::move(format));
}

bool is_volume_path(const std::filesystem::path& path) { return find_format(path) != nullptr; }

std::string volume_extensions() {
    std::vector<std::string> all;
    for (const VolumeFormat& format : formats())
        all.insert(all.end(), format.extensions.begin(), format.extensions.end());
    return joined(std::move(all));
}

void require_writable_format(const std::filesystem::path& path, std::size_t volumes) {
    const VolumeFormat& format = format_of(path);
    require(has_one_of(path, format.written), path.string(),
            fmt::format("{} is written to one file; expected the extension {}", format.name,
                        joined(format.written)));
    require(volumes == 1 || format.writes_series, path.string(),
            fmt::format("{} volumes are written to a NIfTI or MGH file, not to {}", volumes, format.name));
}

Volume read_volume(const std::filesystem::path& path, std::optional<int> index) {
    return std::move(format_of(path).read(path, {.index = index}).front());
}

std::vector<Volume> read_volumes(const std::filesystem::path& path) {
    return format_of(path).read(path, {.all = true});
}

std::string write_volume(const std::filesystem::path& path, const Volume& volume, IntensityType type) {
    return write_volumes(path, std::span(&volume, 1), type);
}

std::string write_volumes(const std::filesystem::path& path, std::span<const Volume> volumes,
                          IntensityType type) {
    require_writable_format(path, volumes.size());
    require_writable_series(volumes, path.string());
    const VolumeFormat& format = format_of(path);
    StorageChoice choice = choose_storage(volumes, type, format.has_scale, format.holding);
    format.write(path, volumes, choice.type);
    return choice.change;
}

}  // namespace dnsp::imaging
