#include "kernels/patch_sampling.hpp"

#include <numeric>

#include "tests/kernels/devices.hpp"
#include "tests/kernels/table.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/philox.hpp"

using namespace dnsp;
using kernels::CornerEntry;
using kernels::PatchSampling;
using kernels::SliceEntry;
using kernels::StepPosition;
using testing::Buffer;
using testing::On;
using testing::Table;

namespace {

using Picture = std::vector<std::vector<float>>;  // rows

struct Slice {
    Picture input, target;
    std::vector<CornerEntry> corners;
};

Picture picture(std::int64_t height, std::int64_t width, std::uint64_t seed) {
    const auto values = reference::cast<float>(reference::uniform(height * width, seed));
    Picture out;
    for (std::int64_t y = 0; y < height; ++y)
        out.emplace_back(values.begin() + y * width, values.begin() + (y + 1) * width);
    return out;
}

Slice slice(std::int64_t height, std::int64_t width, std::uint64_t seed,
            const std::vector<CornerEntry>& corners) {
    return {picture(height, width, 2 * seed), picture(height, width, 2 * seed + 1), corners};
}

/// As defined in imaging/patches.hpp: transposed first, then mirrored.
Picture patch_of(const Picture& slice, CornerEntry corner, std::size_t side, std::uint32_t symmetry) {
    Picture patch(side, std::vector<float>(side));
    for (std::size_t y = 0; y < side; ++y)
        for (std::size_t x = 0; x < side; ++x)
            patch[y][x] =
                slice[static_cast<std::size_t>(corner.y) + y][static_cast<std::size_t>(corner.x) + x];
    if (symmetry & 4) {
        const Picture original = patch;
        for (std::size_t y = 0; y < side; ++y)
            for (std::size_t x = 0; x < side; ++x) patch[y][x] = original[x][y];
    }
    if (symmetry & 1)
        for (auto& row : patch) std::reverse(row.begin(), row.end());
    if (symmetry & 2) std::reverse(patch.begin(), patch.end());
    return patch;
}

void append(const Picture& picture, std::vector<float>& out) {
    for (const auto& row : picture) out.insert(out.end(), row.begin(), row.end());
}

/// Channel c of a pixel of the input is the pixel + c.
void append_input(const Picture& picture, std::int32_t channels, std::vector<float>& out) {
    for (const auto& row : picture)
        for (const float pixel : row)
            for (std::int32_t c = 0; c < channels; ++c) out.push_back(pixel + static_cast<float>(c));
}

/// A batch of all patches of all slices except the last few, in shuffled order; step 2 of epoch 5.
void check(On where, const std::vector<Slice>& slices, PatchSampling sampling, bool all_choices) {
    INFO("patches of side " << sampling.patch << ", seed " << sampling.random.seed << ", "
                            << sampling.channels << " channels");
    std::vector<SliceEntry> entries;
    std::vector<CornerEntry> corners;
    std::vector<float> targets(5, -2.0f);  // the first slice does not start at 0
    std::vector<float> inputs(5 * static_cast<std::size_t>(sampling.channels), -1.0f);
    for (const Slice& s : slices) {
        entries.push_back(
            {static_cast<std::int64_t>(targets.size()), static_cast<std::int32_t>(s.input[0].size()),
             static_cast<std::int32_t>(corners.size()), static_cast<std::int32_t>(s.corners.size())});
        corners.insert(corners.end(), s.corners.begin(), s.corners.end());
        append_input(s.input, sampling.channels, inputs);
        append(s.target, targets);
    }
    const auto per_slice = static_cast<std::uint32_t>(sampling.patches_per_slice);
    std::vector<std::uint32_t> order(slices.size() * per_slice);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(4));
    sampling.batch = static_cast<std::int64_t>(order.size()) - 3;
    const StepPosition position{5, 2};

    std::vector<float> expected_input, expected_target;
    std::set<std::uint32_t> symmetries;
    std::set<std::pair<std::size_t, std::size_t>> places;
    for (std::int64_t b = 0; b < sampling.batch; ++b) {
        const std::uint32_t which = order[static_cast<std::size_t>(b)];
        const std::uint64_t seed = sampling.random.seed, stream = sampling.random.stream + 5;
        const auto words = reference::PhiloxWords{}(
            {which, 0, static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)},
            {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
        const Slice& s = slices[which / per_slice];
        const auto corner = static_cast<std::size_t>(static_cast<double>(words[0]) * 0x1p-32 *
                                                     static_cast<double>(s.corners.size()));
        const std::uint32_t symmetry = words[1] % static_cast<std::uint32_t>(sampling.symmetries);
        symmetries.insert(symmetry);
        places.insert({which / per_slice, corner});
        const auto side = static_cast<std::size_t>(sampling.patch);
        append_input(patch_of(s.input, s.corners[corner], side, symmetry), sampling.channels, expected_input);
        append(patch_of(s.target, s.corners[corner], side, symmetry), expected_target);
    }
    if (all_choices) {
        CHECK(symmetries.size() == static_cast<std::size_t>(sampling.symmetries));
        CHECK(places.size() == corners.size());
    }

    // Batches of earlier steps, which must not be read.
    std::vector<std::uint32_t> batches(static_cast<std::size_t>(2 * sampling.batch), 0xFFFFFFFFu);
    batches.insert(batches.end(), order.begin(), order.end());
    const Table<std::uint32_t> order_table(where, batches);
    const Table<StepPosition> position_table(where, {position});
    const Table<SliceEntry> slice_table(where, entries);
    const Table<CornerEntry> corner_table(where, corners);
    const Table<float> input_slices(where, inputs), target_slices(where, targets);
    const std::int64_t count = sampling.batch * sampling.patch * sampling.patch;
    Buffer<float> input(where, count * sampling.channels), target(where, count);
    DNSP_PLAIN_KERNEL(where, sample_patches)
    (sampling, position_table.data(), order_table.data(), slice_table.data(), corner_table.data(),
     input_slices.data(), target_slices.data(), input.data(), target.data());
    CHECK((input.fences_intact() && target.fences_intact()));
    CHECK(reference::same_bits(input.values(), expected_input));
    CHECK(reference::same_bits(target.values(), expected_target));
}

void check_all(On where) {
    const std::vector<Slice> slices{slice(9, 11, 1, {{0, 0}, {2, 1}, {4, 6}, {1, 3}, {3, 5}}),
                                    slice(7, 8, 2, {{2, 3}}), slice(13, 7, 3, {{8, 2}, {0, 1}, {5, 0}})};
    PatchSampling sampling;
    sampling.patches_per_slice = 21;
    sampling.random = {0x0123'4567'89ab'cdef, 0x5041'0000'0000'0007};
    sampling.patch = 5;
    check(where, slices, sampling, true);
    sampling.patch = 4;
    check(where, slices, sampling, true);
    for (const std::int32_t channels : {3, 4}) {
        sampling.channels = channels;
        check(where, slices, sampling, true);
    }
    sampling.channels = 1;
    sampling.symmetries = 4;
    check(where, slices, sampling, true);
    sampling.symmetries = 8;
    sampling.patch = 1;
    sampling.random = {3, 1};
    check(where, slices, sampling, true);
    // More pixels than a block has threads; one whole slice.
    sampling.patch = 17;
    sampling.patches_per_slice = 6;
    check(where, {slice(17, 17, 4, {{0, 0}}), slice(19, 23, 5, {{0, 6}, {2, 0}, {1, 3}})}, sampling, false);
    sampling.patches_per_slice = 3;  // an empty batch
    check(where, {slices[0]}, sampling, false);
}

}  // namespace

TEST_CASE("sample_patches cuts the windows that Philox chooses under all symmetries of the square") {
    testing::on_device(check_all);
}
