#include "imaging/geometry.hpp"
#include "imaging/nifti.hpp"

#include <zlib.h>

#include <cstring>

#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

/// The decompressed bytes of a file.
std::string plain_contents(const std::filesystem::path& path) {
    std::string bytes;
    char chunk[4096];
    gzFile file = gzopen(path.c_str(), "rb");
    for (int got; (got = gzread(file, chunk, sizeof chunk)) > 0;)
        bytes.append(chunk, static_cast<std::size_t>(got));
    gzclose(file);
    return bytes;
}

/// Header and voxels; blanks the fields that NIfTI-1 calls unused (data_type … regular).
std::string without_unused_fields(std::string bytes) {
    if (bytes.at(0) == '\x5c') std::fill(bytes.begin() + 4, bytes.begin() + 39, '\0');
    return bytes;
}

/// First byte at which two files differ, or −1.
long first_difference(const std::string& a, const std::string& b) {
    const auto at = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
    return a == b ? -1 : at;
}

Volume ramp_volume(int nx, int ny, int nz) {
    Volume volume;
    volume.size = {nx, ny, nz};
    volume.voxel_size_mm = {0.5, 0.75, 2.0};
    for (int i = 0; i < nx * ny * nz; ++i) volume.voxels.push_back(static_cast<float>(i) / 8.0f);
    return volume;
}

}  // namespace

TEST_CASE("volumes have the values that NiBabel wrote, for every type, version and byte order") {
    for (const auto& json : expected()["volumes"]["good"]) {
        const std::string name = json["name"];
        INFO(name);
        const Volume volume = read_nifti(fixture(name));
        CHECK(volume.path == fixture(name).string());
        REQUIRE(volume.header != nullptr);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            CHECK(volume.size[axis] == json["shape"][axis].get<int>());
            CHECK(std::abs(volume.voxel_size_mm[axis] - json["zooms"][axis].get<double>()) <= 1e-6);
        }
        REQUIRE(volume.voxels.size() == json["voxels"].size());
        for (std::size_t i = 0; i < volume.voxels.size(); ++i) {
            CHECK(volume.voxels[i] == static_cast<float>(json["voxels"][i].get<double>()));
        }
    }
}

TEST_CASE("a file read and written again has the same bytes, header and voxels") {
    const Scratch scratch;
    for (const auto& pair : expected()["volumes"]["roundtrip"]) {
        const std::string name = pair[0];
        const std::string wanted = pair[1];
        INFO(name << " must become " << wanted);
        write_nifti(scratch.file(name), read_nifti(fixture(name)));
        CHECK(first_difference(without_unused_fields(plain_contents(scratch.file(name))),
                               without_unused_fields(plain_contents(fixture(wanted)))) == -1);
        const bool compressed = contents(scratch.file(name)).starts_with("\x1f\x8b");
        CHECK(compressed == name.ends_with(".gz"));
    }
}

TEST_CASE("header extensions keep their bytes, and damaged ones are left out") {
    const Scratch scratch;
    write_nifti(scratch.file("plain.nii"), ramp_volume(3, 4, 5));
    const std::string plain = contents(scratch.file("plain.nii"));
    std::string extensions;
    for (const auto& [size, code] : {std::pair{32, 6}, {16, 4}, {48, 44}}) {
        const std::int32_t head[2] = {size, code};
        extensions += std::string(reinterpret_cast<const char*>(head), sizeof head);
        extensions +=
            std::string(static_cast<std::size_t>(size) - sizeof head, static_cast<char>('a' + code));
    }
    const auto with_extensions = [&](const std::string& text) {
        std::string bytes = plain.substr(0, 348) + std::string("\1\0\0\0", 4) + text + plain.substr(352);
        const float offset = static_cast<float>(352 + text.size());
        std::memcpy(bytes.data() + 108, &offset, sizeof offset);
        return bytes;
    };
    const auto rewritten = [&](const std::string& bytes) {
        put(scratch.file("in.nii"), bytes);
        write_nifti(scratch.file("out.nii"), read_nifti(scratch.file("in.nii")));
        // The same from a compressed file, which is read from front to back only.
        gzFile file = gzopen(scratch.file("in.nii.gz").c_str(), "wb");
        gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
        gzclose(file);
        write_nifti(scratch.file("again.nii"), read_nifti(scratch.file("in.nii.gz")));
        CHECK(first_difference(contents(scratch.file("again.nii")), contents(scratch.file("out.nii"))) == -1);
        return contents(scratch.file("out.nii"));
    };
    CHECK(first_difference(rewritten(with_extensions(extensions)), with_extensions(extensions)) == -1);
    for (const std::int32_t size : {0, 7, 15, 24, 80, 1 << 30, -16}) {
        INFO("size of the second extension: " << size);
        std::string damaged = extensions;
        std::memcpy(damaged.data() + 32, &size, sizeof size);
        CHECK(first_difference(rewritten(with_extensions(damaged)),
                               with_extensions(extensions.substr(0, 32))) == -1);
    }
    // Something else than extensions, and a flag without any.
    CHECK(first_difference(rewritten(with_extensions(std::string(64, 'x'))), plain) == -1);
    CHECK(first_difference(rewritten(with_extensions("")), plain) == -1);
}

TEST_CASE("one volume of a series is read by its index") {
    const auto path = fixture("series.nii.gz");
    const auto& series = expected()["volumes"]["series"];
    for (int index = 0; index < 3; ++index) {
        CHECK(read_nifti(path, index).voxels ==
              series[static_cast<std::size_t>(index)].get<std::vector<float>>());
    }
    CHECK(complaint([&] { read_nifti(path); }) ==
          path.string() + ": 4-D file with 3 volumes; choose one of 0…2");
    CHECK(contains(complaint([&] { read_nifti(path, 3); }), "0…2"));
    CHECK(contains(complaint([&] { read_nifti(path, -1); }), "0…2"));

    const Scratch scratch;
    write_nifti(scratch.file("one.nii"), read_nifti(path, 1));
    const std::string bytes = contents(scratch.file("one.nii"));
    std::int16_t dimensions[8];
    std::memcpy(dimensions, bytes.data() + 40, sizeof dimensions);
    CHECK(dimensions[0] == 3);
    CHECK(dimensions[4] == 1);
    CHECK(bytes.size() == 352 + 60 * 2);

    const Volume single = read_nifti(fixture("series_of_one.nii"));
    CHECK(single.voxels == series[0].get<std::vector<float>>());
    CHECK(contains(complaint([] { read_nifti(fixture("series_of_one.nii"), 1); }), "no volume 1"));
}

TEST_CASE("a volume of one slice is that slice, from a 3-D and a 2-D file") {
    for (const std::string name : {"one_slice.nii", "flat.nii"}) {
        const Volume volume = read_nifti(fixture(name));
        // 16-bit integers from byte 352 on.
        const std::string bytes = contents(fixture(name));
        std::vector<std::int16_t> stored((bytes.size() - 352) / 2);
        std::memcpy(stored.data(), bytes.data() + 352, 2 * stored.size());
        CHECK(volume.size[2] == 1);
        CHECK(volume.voxels == std::vector<float>(stored.begin(), stored.end()));
        CHECK(default_slice_axis(volume) == 2);
        require_slice_axis(volume, 2);
        CHECK(contains(complaint([&] { require_slice_axis(volume, 0); }), "would be lines"));
    }
}

TEST_CASE("bad files are refused in one sentence with their path") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"missing.nii", "no such file"},
        {"bad_empty.nii", "empty file"},
        {"bad_text.nii", "not a NIfTI file"},
        {"bad_analyze.nii", "not a NIfTI file"},
        {"bad_half_header.nii", "not a NIfTI file, 100 bytes only"},
        {"bad_pair.nii", "two-file NIfTI"},
        {"bad_header_only.nii", "truncated, 0 of 120 voxel bytes are there"},
        {"bad_truncated.nii", "truncated, 70 of 120 voxel bytes are there"},
        {"bad_truncated.nii.gz", ""},
        {"bad_no_trailer.nii.gz", "truncated, the end of the gzip stream is missing"},
        {"bad_checksum.nii.gz", "damaged, its gzip data do not decompress or fail their checksum"},
        {"bad_zero_dim.nii", "dimension 1 is 0"},
        {"bad_huge.nii", "truncated, 120 of"},
        {"bad_label.nii", "label image (intent LABEL), not an MR image"},
        {"bad_statistic.nii", "statistic map (intent Z-score), not an MR image"},
        {"bad_vector.nii", "vector or matrix image"},
        {"bad_five.nii", "5-D file"},
        {"bad_complex.nii", "complex image"},
        {"bad_rgb.nii", "colour image"},
        {"bad_float128.nii", "FLOAT128"},
        {"bad_nan.nii", "2 voxels are NaN or infinite"},
        {"bad_constant.nii", "every voxel is 42, read in single precision"},
    };
    for (const auto& [name, reason] : cases) {
        INFO(name);
        const std::string sentence = complaint([path = fixture(name)] { read_nifti(path); });
        INFO(sentence);
        CHECK(sentence.starts_with(fixture(name).string() + ": "));
        CHECK(contains(sentence, reason));
    }
    CHECK(contains(complaint([] { read_nifti(fixture("")); }), "is a folder"));
}

TEST_CASE("an axis has at most 2^31 − 1 voxels, and a file up to seven dimensions") {
    const Scratch scratch;
    const auto with_dimension = [&](std::size_t i, std::int64_t size) {
        std::string bytes = contents(fixture("v2_int16_le.nii"));
        std::memcpy(bytes.data() + 16 + 8 * i, &size,
                    sizeof size);  // NIfTI-2: dim[8] of int64 from byte 16 on
        put(scratch.file("a.nii"), bytes);
        return complaint([&] { read_nifti(scratch.file("a.nii")); });
    };
    CHECK(contains(with_dimension(1, 2147483647), "truncated, "));
    CHECK(contains(with_dimension(1, 2147483648), "dimension 1 is 2147483648"));
    CHECK(contains(with_dimension(1, -3), "dimension 1 is -3"));
    CHECK(contains(with_dimension(0, 0), "damaged header, 0 dimensions"));
    CHECK(contains(with_dimension(0, 8), "damaged header, 8 dimensions"));
}

TEST_CASE("a file truncated at any byte is refused") {
    const Scratch scratch;
    for (const std::string name : {"v1_int16_le.nii", "v2_int16_be.nii", "scaled_int16.nii.gz"}) {
        const std::string whole = contents(fixture(name));
        for (std::size_t length = 1; length < whole.size(); ++length) {
            put(scratch.file("cut"), whole.substr(0, length));
            const std::string sentence = complaint([&] { read_nifti(scratch.file("cut")); });
            if (sentence.starts_with(scratch.file("cut").string() + ": ")) continue;
            FAIL(name << " cut to " << length << " bytes: " << sentence);
        }
    }
}

TEST_CASE("intensities are rounded to the stored type, and negative ones clamped to an unsigned one") {
    const Scratch scratch;
    Volume volume = read_nifti(fixture("v1_uint8_le.nii"));
    std::fill(volume.voxels.begin(), volume.voxels.end(), 1.0f);
    volume.voxels[0] = -7.0f;
    volume.voxels[1] = 255.4f;
    volume.voxels[2] = 99.6f;
    CHECK(write_volume(scratch.file("a.nii"), volume).empty());
    const auto bytes = read_nifti(scratch.file("a.nii")).voxels;
    CHECK(bytes[0] == 0.0f);
    CHECK(bytes[1] == 255.0f);
    CHECK(bytes[2] == 100.0f);
    // 8 bits become 16 where a value is too large.
    volume.voxels[1] = 300.0f;
    CHECK(contains(write_volume(scratch.file("a.nii"), volume),
                   "do not fit the stored type uint8; written as int16"));
    const auto words = read_nifti(scratch.file("a.nii")).voxels;
    CHECK(words[0] == -7.0f);
    CHECK(words[1] == 300.0f);
    CHECK(words[2] == 100.0f);

    // Stored values are (x + 10)/0.25 in int16.
    volume = read_nifti(fixture("scaled_int16.nii.gz"));
    volume.voxels[1] = 3.13f;
    CHECK(write_volume(scratch.file("b.nii.gz"), volume).empty());
    CHECK(read_nifti(scratch.file("b.nii.gz")).voxels[1] == 3.25f);
    volume.voxels[0] = 40000.0f;
    CHECK(contains(write_volume(scratch.file("b.nii.gz"), volume), "slope"));
    const auto scaled = read_nifti(scratch.file("b.nii.gz")).voxels;
    for (std::size_t i = 0; i < scaled.size(); ++i)
        CHECK(std::abs(scaled[i] - volume.voxels[i]) <= 0.5f * 40000.0f / 32767.0f + 0.01f);
}

TEST_CASE("units are converted, and unset voxel sizes and invalid slopes take defaults") {
    const Scratch scratch;
    const std::string original = contents(fixture("v1_int16_le.nii"));
    const Volume reference = read_nifti(fixture("v1_int16_le.nii"));
    const auto with_bytes = [&](std::size_t offset, const void* bytes, std::size_t size) {
        std::string changed = original;
        std::memcpy(changed.data() + offset, bytes, size);
        put(scratch.file("a.nii"), changed);
        return read_nifti(scratch.file("a.nii"));
    };
    const auto voxel_height = [&](char xyzt_units) {
        return with_bytes(123, &xyzt_units, 1).voxel_size_mm[2] / reference.voxel_size_mm[2];
    };
    CHECK(std::abs(voxel_height(1) - 1e3) <= 1e-6);
    CHECK(std::abs(voxel_height(3) - 1e-3) <= 1e-12);
    CHECK(voxel_height(0) == 1.0);
    const float zero = 0.0f;
    // The sform of the file has the size; without a form, 1 mm.
    const Volume completed = with_bytes(76 + 4, &zero, sizeof zero);
    CHECK(std::abs(completed.voxel_size_mm[0] - reference.voxel_size_mm[0]) <= 1e-6);
    REQUIRE(completed.notes.size() == 1);
    CHECK(contains(completed.notes.front(), "the voxel size along x is 0 in the header"));
    std::string formless = contents(fixture("no_form.nii"));
    std::memcpy(formless.data() + 76 + 4, &zero, sizeof zero);
    put(scratch.file("b.nii"), formless);
    CHECK(read_nifti(scratch.file("b.nii")).voxel_size_mm[0] == 1.0);
    const float unset[3] = {0.0f, 0.0f, 0.0f};
    std::memcpy(formless.data() + 76 + 4, unset, sizeof unset);
    put(scratch.file("b.nii"), formless);
    CHECK(read_nifti(scratch.file("b.nii")).notes ==
          std::vector<std::string>{"the voxel size along x, y and z is 0 in the header; 1 mm is assumed"});
    const float no_scaling[][2] = {{0.0f, 5.0f}, {NAN, 5.0f}, {0.0f, NAN}};
    for (const auto& slope_and_intercept : no_scaling) {
        CHECK(with_bytes(112, slope_and_intercept, sizeof slope_and_intercept).voxels == reference.voxels);
    }
    const char metres = 1;
    CHECK(with_bytes(123, &metres, 1).notes.size() == 1);
}

// NiBabel sets such codes to 0, and refuses the intercept and the quaternion
// (tests/fuzz/nibabel_contract.py).
TEST_CASE("forms and intercepts without a meaning are left out or refused") {
    const Scratch scratch;
    const std::string original = contents(fixture("v1_int16_le.nii"));
    const auto with = [&](std::initializer_list<std::pair<std::size_t, std::int16_t>> shorts,
                          std::initializer_list<std::pair<std::size_t, float>> floats) {
        std::string changed = original;
        for (const auto& [offset, value] : shorts) std::memcpy(changed.data() + offset, &value, sizeof value);
        for (const auto& [offset, value] : floats) std::memcpy(changed.data() + offset, &value, sizeof value);
        put(scratch.file("a.nii"), changed);
        return read_nifti(scratch.file("a.nii"));
    };
    constexpr std::size_t slope = 112, intercept = 116, qform_code = 252, sform_code = 254, quatern_b = 256,
                          qoffset_x = 268, srow_x = 280;
    const Volume without_sform = with({{sform_code, 0}, {qform_code, 1}}, {{qoffset_x, 7.0f}});
    const Volume unknown =
        with({{sform_code, 64}, {qform_code, 1}}, {{qoffset_x, 7.0f}, {srow_x + 12, 9.0f}});
    CHECK(voxel_to_world(unknown) == voxel_to_world(without_sform));
    CHECK(voxel_to_world(unknown)[0][3] == 7.0);
    REQUIRE(unknown.notes.size() == 1);
    CHECK(contains(unknown.notes.front(), "sform_code 64"));
    CHECK(with({{qform_code, -1}}, {}).notes.size() == 1);
    CHECK(with({{qform_code, 5}, {sform_code, 4}}, {}).notes.empty());

    // Handedness: 1, −1, or 0, which means 1. NiBabel takes 1 for others, nifti_clib their sign.
    constexpr std::size_t handedness = 76;
    const auto qform_of = [&](float value) {
        return with({{sform_code, 0}, {qform_code, 1}}, {{handedness, value}});
    };
    const Volume right = qform_of(1.0f), left = qform_of(-1.0f);
    CHECK(voxel_to_world(right) != voxel_to_world(left));
    for (const float value : {0.0f, 1.0f, -1.0f}) CHECK(qform_of(value).notes.empty());
    for (const float value : {-INFINITY, -2.0f, 0.5f, INFINITY, NAN}) {
        const Volume guessed = qform_of(value);
        REQUIRE(guessed.notes.size() == 1);
        CHECK(contains(guessed.notes.front(), "handedness"));
        CHECK(voxel_to_world(guessed) == voxel_to_world(value < 0.0f ? left : right));
    }

    // Forms with the same code that put voxels apart; half a voxel is 0.45 mm.
    CHECK(with({{sform_code, 1}, {qform_code, 1}}, {}).notes.empty());
    CHECK(with({{sform_code, 1}, {qform_code, 1}}, {{qoffset_x, 12.5f + 0.4f}}).notes.empty());
    const Volume apart = with({{sform_code, 1}, {qform_code, 1}}, {{qoffset_x, 12.5f + 7.0f}});
    REQUIRE(apart.notes.size() == 1);
    CHECK(contains(apart.notes.front(), "by the qform, voxels lie up to 7 mm elsewhere"));
    CHECK(voxel_to_world(apart)[0][3] == 12.5);  // the sform's
    CHECK(with({{sform_code, 1}, {qform_code, 1}}, {{handedness, 1.0f}}).notes.size() == 1);
    CHECK(with({{sform_code, 4}, {qform_code, 1}}, {{qoffset_x, 12.5f + 7.0f}}).notes.empty());

    const auto no_rotation = [&] { with({{sform_code, 0}, {qform_code, 1}}, {{quatern_b, 2.0f}}); };
    CHECK(contains(complaint(no_rotation), "quaternion"));
    CHECK(with({{sform_code, 1}, {qform_code, 1}}, {{quatern_b, 2.0f}}).notes.empty());  // not used
    for (const float value : {1e-30f, 1e30f})
        CHECK(contains(complaint([&] { with({}, {{76 + 4, value}}); }), "mm long along x"));
    CHECK(contains(complaint([&] { with({}, {{srow_x + 12, 1e12f}}); }), "matrix of positions"));
    for (const float value : {NAN, INFINITY})
        CHECK(contains(complaint([&] { with({}, {{slope, 1.0f}, {intercept, value}}); }), "intercept"));
}

TEST_CASE("a volume without a header becomes float32 NIfTI-1") {
    const Scratch scratch;
    const Volume volume = ramp_volume(3, 4, 2);
    write_nifti(scratch.file("a.nii.gz"), volume);
    const Volume copy = read_nifti(scratch.file("a.nii.gz"));
    CHECK(copy.size == volume.size);
    CHECK(copy.voxel_size_mm == volume.voxel_size_mm);
    CHECK(copy.voxels == volume.voxels);
    CHECK(scratch.entries() == 1);
}

TEST_CASE("a text is put before the description of the header") {
    const Scratch scratch;
    const auto file = scratch.file("v.nii");
    Volume volume = ramp_volume(4, 3, 2);
    prepend_description(volume, "nothing");
    CHECK(volume.header == nullptr);
    write_nifti(file, volume);
    // The 80 bytes of descrip begin at byte 148 (nifti1.h).
    const auto description = [&](const std::string& text) {
        Volume read = read_nifti(file);
        prepend_description(read, text);
        write_nifti(file, read);
        return plain_contents(file).substr(148, 80);
    };
    const auto padded = [](std::string text) { return text + std::string(80 - text.size(), '\0'); };
    CHECK(description("") == padded(""));
    CHECK(description("first") == padded("first"));
    CHECK(description("second") == padded("second; first"));
    CHECK(description(std::string(90, 'x')) == padded(std::string(79, 'x')));
    CHECK(description(std::string(78, 'y') + "é") == padded(std::string(78, 'y')));
}

TEST_CASE("volumes that cannot be written are refused") {
    const Scratch scratch;
    Volume volume = ramp_volume(3, 4, 2);
    CHECK(contains(complaint([&] { write_nifti(scratch.file("a.img"), volume); }), "a.img: "));
    CHECK(contains(complaint([&] { write_nifti(scratch.file("no/a.nii"), volume); }), "No such file"));
    CHECK(
        contains(complaint([&] { write_nifti(scratch.file("a.nii"), ramp_volume(32768, 1, 1)); }), "32768"));
    volume.voxels[5] = NAN;
    CHECK(contains(complaint([&] { write_nifti(scratch.file("a.nii"), volume); }), "1 voxel is NaN"));
    volume.voxels.pop_back();
    CHECK(contains(complaint([&] { write_nifti(scratch.file("a.nii"), volume); }), "3×4×2"));
    CHECK(scratch.entries() == 0);
    CHECK(is_nifti_path("a.nii"));
    CHECK(is_nifti_path("folder/a.b.nii.gz"));
    CHECK_FALSE(is_nifti_path("a.gz"));
}

TEST_CASE("Colin27 is read and written back") {
    const std::filesystem::path path = "/usr/share/mricron/templates/ch2.nii.gz";
    if (!std::filesystem::exists(path)) DNSP_SKIP("mricron-data not installed");
    const Volume volume = read_nifti(path);
    CHECK(volume.size == std::array<int, 3>{181, 217, 181});
    CHECK(volume.voxel_size_mm == std::array<double, 3>{1.0, 1.0, 1.0});
    CHECK(default_slice_axis(volume) == 2);
    CHECK(*std::max_element(volume.voxels.begin(), volume.voxels.end()) <= 255.0f);
    const Scratch scratch;
    write_nifti(scratch.file("copy.nii.gz"), volume);
    const std::string original = plain_contents(path);
    const std::string copy = plain_contents(scratch.file("copy.nii.gz"));
    const std::size_t voxels = volume.voxels.size();
    REQUIRE(original.size() >= voxels);
    CHECK(original.substr(original.size() - voxels) == copy.substr(copy.size() - voxels));
    CHECK(original.substr(252, 76) == copy.substr(252, 76));  // qform and sform
}
