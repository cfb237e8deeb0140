#include "models/classical/srsw_database.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/atomic_file.hpp"
#include "base/error.hpp"
#include "base/file_reader.hpp"
#include "base/json.hpp"
#include "base/number.hpp"

namespace dnsp::classical {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the file is little-endian");

constexpr std::array<char, 8> magic = {'D', 'N', 'S', 'P', 'S', 'R', 'S', 'W'};
constexpr std::uint32_t version = 1;
constexpr std::uint32_t max_header_bytes = 1 << 24;
constexpr std::int64_t max_pairs = std::int64_t{1} << 31;

struct Prefix {
    std::array<char, 8> magic;
    std::uint32_t version;
    std::uint32_t header_bytes;
};

/// The entries of describe() without those of the noise: a database is used for low-resolution images with
/// any noise.
json description_of(const imaging::Degradation& degradation) {
    imaging::Degradation noiseless = degradation;
    noiseless.noise = 0.0;
    return imaging::describe(noiseless);
}

std::span<const std::byte> bytes_of(const PatchMatrix& matrix) {
    return std::as_bytes(std::span(matrix.data(), static_cast<std::size_t>(matrix.size())));
}

imaging::Degradation degradation_of(const json& header) {
    const auto scale = number_of<int>(header.at("scale").get<std::string>());
    const auto sigma = number_of<double>(header.at("sigma").get<std::string>());
    require(scale && sigma, "the scale or sigma of the header is not a number");
    auto degradation = imaging::make_degradation(header.at("preset").get<std::string>(), *scale);
    degradation.sigma = *sigma;
    degradation.noise = header.at("noise").get<double>();
    degradation.noise_seed = whole_number<std::uint64_t>(header.at("noise_seed"));
    imaging::validate(degradation);
    const json description = description_of(degradation);
    for (const auto& [key, value] : description.items())
        require(header.at(key) == value, "the entry " + key + " of the header contradicts the preset");
    return degradation;
}

}  // namespace

void write_srsw_database(const std::filesystem::path& path, const SrswDatabase& database) {
    const PatchGeometry geometry = database.geometry();
    require(database.low.rows() > 0 && database.low.rows() == database.high.rows() &&
                database.low.cols() == geometry.low_size() && database.high.cols() == geometry.high_size(),
            "[srsw] the sizes of the database do not fit together");
    json header = description_of(database.degradation);
    header["noise"] = database.degradation.noise;
    header["noise_seed"] = database.degradation.noise_seed;
    header["patch"] = database.patch;
    header["pairs"] = database.low.rows();
    header["seed"] = database.seed;
    header["files"] = database.files;
    const std::string text = json_text(header);
    const Prefix prefix{magic, version, static_cast<std::uint32_t>(text.size())};
    AtomicFile file(path);
    file.write(std::as_bytes(std::span(&prefix, 1)));
    file.write(text);
    file.write(bytes_of(database.low));
    file.write(bytes_of(database.high));
    file.commit();
}

SrswDatabase read_srsw_database(const std::filesystem::path& path) {
    const std::string subject = path.string();
    FileReader file(path);
    const std::uintmax_t file_bytes = file.size();
    Prefix prefix{};
    const std::size_t got = file.read(&prefix, sizeof prefix);
    require(got == sizeof prefix && prefix.magic == magic, subject, "is not a database of train_srsw");
    require(prefix.version == version, subject,
            fmt::format("has version {}, this program reads version {}", prefix.version, version));
    require(prefix.header_bytes <= max_header_bytes && prefix.header_bytes <= file_bytes - sizeof prefix,
            subject, "is truncated");
    std::string text(prefix.header_bytes, '\0');
    require(file.read(text.data(), text.size()) == text.size(), subject, "is truncated");

    SrswDatabase database;
    std::int64_t pairs = 0;
    try {
        const json header = json::parse(text);
        database.degradation = degradation_of(header);
        database.patch = whole_number<int>(header.at("patch"));
        database.seed = whole_number<std::uint64_t>(header.at("seed"));
        database.files = header.at("files").get<std::vector<std::string>>();
        pairs = whole_number<std::int64_t>(header.at("pairs"));
        require(database.patch >= 1 && database.patch <= max_patch && database.patch % 2 == 1,
                fmt::format("patch {} is not an odd number up to {}", database.patch, max_patch));
        require(pairs >= 1 && pairs <= max_pairs, fmt::format("it has {} pairs", pairs));
    } catch (const std::exception& reason) {
        throw FileError(subject + ": has an invalid header (" + reason.what() + ")");
    }
    const PatchGeometry geometry = database.geometry();
    const auto expected_bytes = sizeof prefix + prefix.header_bytes +
                                sizeof(float) * static_cast<std::uintmax_t>(pairs) *
                                    static_cast<std::uintmax_t>(geometry.low_size() + geometry.high_size());
    require(file_bytes >= expected_bytes, subject, "is truncated");
    require(file_bytes == expected_bytes, subject, "is longer than its header says");
    database.low.resize(pairs, geometry.low_size());
    database.high.resize(pairs, geometry.high_size());
    for (PatchMatrix* matrix : {&database.low, &database.high}) {
        const std::size_t bytes = sizeof(float) * static_cast<std::size_t>(matrix->size());
        require(file.read(matrix->data(), bytes) == bytes, subject, "is truncated");
    }
    require(database.low.allFinite() && database.high.allFinite(), subject, "has values that are not finite");
    return database;
}

void require_degradation(const SrswDatabase& database, const imaging::Degradation& degradation,
                         const std::string& subject) {
    const json made = description_of(database.degradation), asked = description_of(degradation);
    for (const auto& [key, value] : made.items())
        require(asked.at(key) == value, subject,
                fmt::format("was made for {} {}, not {}", key, value.get<std::string>(),
                            asked.at(key).get<std::string>()));
}

}  // namespace dnsp::classical
