#include "kernels/step_position.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using kernels::StepMetrics;
using kernels::StepPosition;
using testing::Buffer;
using testing::On;

namespace {

/// More steps than rows. Each step overwrites only its row.
void check(On where, const StepMetrics& metrics, std::int64_t first) {
    const std::int64_t width = metrics.terms + metrics.norms;
    INFO(metrics.terms << " terms, " << metrics.norms << " norms, " << metrics.rows << " rows");
    Buffer<double> rows(where, metrics.rows * width);
    auto expected = reference::uniform(metrics.rows * width, 9);
    if (where == On::cpu)
        std::copy(expected.begin(), expected.end(), rows.data());
    else if (!expected.empty())
        simt::copy_to_device(rows.data(), expected.data(), expected.size() * sizeof(double));
    Buffer<std::int64_t> position(where, std::vector<std::int64_t>{3, first});
    static_assert(sizeof(StepPosition) == 2 * sizeof(std::int64_t));
    for (std::int64_t step = first; step < first + metrics.rows + 2; ++step) {
        const auto values = reference::uniform(width, static_cast<std::uint64_t>(step));
        const auto middle = values.begin() + metrics.terms;
        Buffer<double> terms(where, std::vector<double>(values.begin(), middle)),
            norms(where, std::vector<double>(middle, values.end()));
        DNSP_PLAIN_KERNEL(where, finish_step)
        (metrics, terms.data(), norms.data(), reinterpret_cast<StepPosition*>(position.data()), rows.data());
        std::copy(values.begin(), values.end(), expected.begin() + step % metrics.rows * width);
        CHECK(reference::same_bits(rows.values(), expected));
        CHECK(position.values() == std::vector<std::int64_t>{3, step + 1});
    }
    CHECK((rows.fences_intact() && position.fences_intact()));
}

void check_all(On where) {
    check(where, {9, 8, 4}, 0);
    check(where, {3, 0, 3}, 5);
    check(where, {1, 100, 2}, 1);  // more metrics than a block has threads
    check(where, {0, 0, 1}, 0);
}

}  // namespace

TEST_CASE("a step ends with its metrics in their row and the position moved on") {
    testing::on_device(check_all);
}
