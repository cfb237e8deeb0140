#include "kernels/copy_rows.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using testing::Buffer;
using testing::On;

namespace {

template <class T>
void check_copy(On where, const kernels::RowCopy& s, std::int64_t source_offset, std::int64_t target_offset) {
    INFO(s.rows << " rows of " << s.row_elements << ", " << s.source_stride << " apart from " << source_offset
                << ", to rows " << s.target_stride << " apart from " << target_offset);
    const auto before = reference::cast<T>(reference::uniform(s.rows * s.target_stride + target_offset, 2));
    // One row more than is copied.
    const auto values =
        reference::cast<T>(reference::uniform((s.rows + 1) * s.source_stride + source_offset, 1));
    Buffer<T> source(where, values), target(where, before);
    DNSP_KERNEL(where, copy_rows, T)(s, source.data() + source_offset, target.data() + target_offset);
    auto expected = before;
    for (std::int64_t row = 0; row < s.rows; ++row)
        for (std::int64_t i = 0; i < s.row_elements; ++i)
            expected[static_cast<std::size_t>(row * s.target_stride + target_offset + i)] =
                values[static_cast<std::size_t>(row * s.source_stride + source_offset + i)];
    CHECK(target.fences_intact());
    CHECK(target.values() == expected);
}

template <class T>
void check_copies(On where) {
    check_copy<T>(where, {0, 4, 4, 8}, 0, 0);
    check_copy<T>(where, {1, 1, 1, 1}, 0, 0);
    check_copy<T>(where, {1, 2, 2, 5}, 0, 3);
    check_copy<T>(where, {35, 3, 3, 7}, 0, 0);
    check_copy<T>(where, {35, 4, 4, 7}, 0, 3);
    check_copy<T>(where, {35, 3, 7, 3}, 4, 0);
    // All five quantities in units of 16 bytes, then each one misaligned.
    check_copy<T>(where, {67, 8, 12, 20}, 4, 8);
    check_copy<T>(where, {67, 7, 12, 20}, 4, 8);
    check_copy<T>(where, {67, 8, 11, 20}, 4, 8);
    check_copy<T>(where, {67, 8, 12, 19}, 4, 8);
    check_copy<T>(where, {67, 8, 12, 20}, 3, 8);
    check_copy<T>(where, {67, 8, 12, 20}, 4, 7);
}

}  // namespace

TEST_CASE("copy_rows copies its rows and leaves the rest alone") {
    testing::on_device(check_copies<float>);
    testing::on_device(check_copies<double>);
    // More than one grid.
    check_copy<float>(testing::device_under_test(), {1403, 377, 381, 379}, 1, 2);
}
