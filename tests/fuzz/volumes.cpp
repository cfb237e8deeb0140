// Readers of volumes: NIfTI and MGH, compressed or not. NRRD and MetaImage are read by ITK, which Clang
// cannot compile against. What a reader accepts must be a volume that can be written and read back, with
// equal intensities and an equal position.
#include <zlib.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>

#include "imaging/geometry.hpp"
#include "imaging/volume_file.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace dnsp::fuzz {
namespace {

constexpr std::size_t largest_round_trip = 1 << 16;  // voxels

void check_voxels(const imaging::Volume& volume) {
    std::size_t voxels = 1;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        expect(volume.size[axis] >= 1, "a volume without voxels");
        expect(std::isfinite(volume.voxel_size_mm[axis]) && volume.voxel_size_mm[axis] > 0,
               "an impossible voxel size");
        voxels *= static_cast<std::size_t>(volume.size[axis]);
    }
    expect(voxels == volume.voxels.size(), "the number of voxels is not that of the header");
    for (const float value : volume.voxels) expect(std::isfinite(value), "an intensity that is not finite");
}

/// Voxels that a reader marks as padding are written as they were stored, so volumes with padding are left
/// out.
void check_round_trip(const imaging::Volume& volume, const std::filesystem::path& folder) {
    if (volume.voxels.size() > largest_round_trip || volume.padding) return;
    const auto copy = folder / "copy.nii";
    imaging::VoxelToWorld affine{};
    if (!accepts([&] { affine = imaging::voxel_to_world(volume); })) return;
    imaging::write_volume(copy, volume, imaging::IntensityType::float32);
    const imaging::Volume again = imaging::read_volume(copy);
    expect(again.size == volume.size, "a volume that was written has another size");
    expect(again.voxels == volume.voxels, "a volume that was written has other intensities");
    imaging::VoxelToWorld affine_again{};
    if (!accepts([&] { affine_again = imaging::voxel_to_world(again); })) return;  // all but singular
    double largest = 0.0, difference = 0.0;
    for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t column = 0; column < 4; ++column) {
            largest = std::max(largest, std::abs(affine[row][column]));
            difference = std::max(difference, std::abs(affine[row][column] - affine_again[row][column]));
        }
    expect(difference <= 1e-5 * largest, "a volume that was written has another position");
}

void read_file(InputFile& file, Bytes bytes) {
    const auto& path = file.write(bytes);
    std::vector<imaging::Volume> volumes;
    if (!accepts([&] { volumes = imaging::read_volumes(path); })) return;
    expect(!volumes.empty(), "a file without volumes was accepted");
    for (const imaging::Volume& volume : volumes) check_voxels(volume);
    // A sample, because writing takes longer than reading.
    if (crc32_z(0, bytes.data(), bytes.size()) % 8 != 0) return;
    check_round_trip(volumes.front(), file.folder());
    std::filesystem::remove(file.folder() / "copy.nii");
}

/// A field of the headers of NIfTI-1 (348 bytes) and NIfTI-2 (540 bytes).
struct Field {
    std::size_t offset;
    char type;  ///< 's' int16, 'i' int32, 'l' int64, 'f' float32, 'd' float64, 'c' byte
    std::size_t count = 1;
};

constexpr std::array<Field, 22> fields_1 = {
    {{0, 'i'},      {39, 'c'},      {40, 's', 8},  {56, 'f', 3},  {68, 's'},      {70, 's'},
     {72, 's'},     {74, 's'},      {76, 'f', 8},  {108, 'f'},    {112, 'f', 2},  {120, 's'},
     {122, 'c'},    {123, 'c'},     {124, 'f', 2}, {132, 'f', 2}, {148, 'c', 80}, {252, 's', 2},
     {256, 'f', 6}, {280, 'f', 12}, {344, 'c', 4}, {348, 'c', 4}}};
constexpr std::array<Field, 16> fields_2 = {{{0, 'i'},
                                             {4, 'c', 8},
                                             {12, 's'},
                                             {14, 's'},
                                             {16, 'l', 8},
                                             {80, 'd', 3},
                                             {104, 'd', 8},
                                             {168, 'l'},
                                             {176, 'd', 2},
                                             {192, 'd', 2},
                                             {224, 'l', 2},
                                             {344, 'i', 2},
                                             {352, 'd', 6},
                                             {400, 'd', 12},
                                             {500, 'i'},
                                             {540, 'c', 4}}};

template <class Number>
void put(std::uint8_t* at, double value) {
    Number number{};
    if constexpr (std::is_integral_v<Number>) {
        const double most = static_cast<double>(std::numeric_limits<Number>::max());
        number = std::isnan(value) ? Number{0} : static_cast<Number>(std::clamp(value, -most, most / 2));
    } else {
        number = static_cast<Number>(value);
    }
    std::memcpy(at, &number, sizeof number);
}

/// Sets a field of the header to a value on which readers stumble.
std::size_t mutate_nifti(std::uint8_t* bytes, std::size_t size, std::size_t largest, unsigned seed,
                         Mutation mutation) {
    std::minstd_rand random(seed);
    const auto draw = [&](std::size_t count) { return static_cast<std::size_t>(random() / 7 % count); };
    if (draw(3) == 0) return mutation(bytes, size, largest);
    static constexpr std::array<double, 34> values = {
        0,     1,    2,    3,     4,    5,     8,   16,       64,        128, 256, 512,
        768,   1024, 1280, 1536,  2304, 348,   352, 540,      -1,        -2,  -7,  32767,
        65536, 2e9,  9e18, 1e-30, 1e30, 1e300, NAN, INFINITY, -INFINITY, 0.5};
    const bool second = size >= 544 && bytes[0] == 540 % 256 && bytes[1] == 540 / 256;
    const Field field = second ? fields_2[draw(fields_2.size())] : fields_1[draw(fields_1.size())];
    const double value = values[draw(values.size())];
    const auto width = [](char type) -> std::size_t {
        return type == 'c' ? 1 : type == 's' ? 2 : type == 'i' || type == 'f' ? 4 : 8;
    };
    const std::size_t at = field.offset + width(field.type) * draw(field.count);
    if (at + width(field.type) > size) return mutation(bytes, size, largest);
    switch (field.type) {
        case 'c':
            bytes[at] = static_cast<std::uint8_t>(draw(256));
            break;
        case 's':
            put<std::int16_t>(bytes + at, value);
            break;
        case 'i':
            put<std::int32_t>(bytes + at, value);
            break;
        case 'l':
            put<std::int64_t>(bytes + at, value);
            break;
        case 'f':
            put<float>(bytes + at, value);
            break;
        default:
            put<double>(bytes + at, value);
            break;
    }
    return size;
}

std::vector<std::uint8_t> inflated(Bytes bytes, std::size_t largest) {
    std::vector<std::uint8_t> result(largest);
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 32) != Z_OK) return {};
    stream.next_in = const_cast<std::uint8_t*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = result.data();
    stream.avail_out = static_cast<uInt>(result.size());
    inflate(&stream, Z_FINISH);
    result.resize(stream.total_out);
    inflateEnd(&stream);
    return result;
}

/// Changes the compressed bytes, or the decompressed ones, which are then compressed.
std::size_t mutate_gzip(std::uint8_t* bytes, std::size_t size, std::size_t largest, unsigned seed,
                        Mutation mutation) {
    if (seed % 4 == 0) return mutation(bytes, size, largest);
    std::vector<std::uint8_t> content = inflated({bytes, size}, 1 << 16);
    const std::size_t content_size = content.size();
    content.resize(1 << 16);
    const std::size_t changed =
        mutate_nifti(content.data(), content_size, content.size(), seed / 4, mutation);
    z_stream stream{};
    if (changed == 0 || deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return mutation(bytes, size, largest);
    stream.next_in = content.data();
    stream.avail_in = static_cast<uInt>(changed);
    stream.next_out = bytes;
    stream.avail_out = static_cast<uInt>(largest);
    const bool fits = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    const std::size_t written = stream.total_out;
    deflateEnd(&stream);
    return fits ? written : std::min(written, largest);
}

template <const char* name>
void run(Bytes bytes) {
    static InputFile file(name);
    read_file(file, bytes);
}

constexpr char nifti[] = "input.nii", gzip[] = "input.nii.gz", mgh[] = "input.mgh", mgz[] = "input.mgz";
const FuzzTargetRegistration nifti_target{{"nifti", run<nifti>, mutate_nifti}};
const FuzzTargetRegistration gzip_target{{"gzip", run<gzip>, mutate_gzip}};
const FuzzTargetRegistration mgh_target{{"mgh", run<mgh>, nullptr}};
const FuzzTargetRegistration mgz_target{{"mgz", run<mgz>, nullptr}};

}  // namespace
}  // namespace dnsp::fuzz
