#include "kernels/weighted_sum.hpp"

#include <deque>

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using kernels::Summand, kernels::Term, kernels::UpTo16;
using testing::Buffer;
using testing::On;

namespace {

/// Terms of all sizes: more values than a warp has lanes, gradients longer than a part of a sum, a single
/// number, none. Arrays start `offset` elements after a multiple of 16 bytes.
template <class T>
void check_weighted_sum(On where, int count, std::int64_t offset) {
    INFO(count << " terms, " << offset << " elements off");
    const std::int64_t value_counts[] = {1, 33, 64, 1000}, sizes[] = {1, 72, 1027, 70001, 0};
    std::deque<Buffer<double>> values;
    std::deque<Buffer<T>> gradients;
    UpTo16<Term<T>> terms;
    std::vector<double> expected_values, expected_norms;
    long double total = 0, magnitude = 0;
    for (int i = 0; i < count; ++i) {
        const auto seed = static_cast<std::uint64_t>(i);
        const std::int64_t value_count = value_counts[i % 4], size = sizes[i % 5];
        const double scale = i % 2 == 0 ? 0.125 : -3.0, weight = 0.1 * (i + 1);
        const auto v = reference::uniform(value_count, 100 + seed, 0, 1);
        const auto g = reference::cast<T>(reference::uniform(offset + size, 200 + seed));
        long double value = 0, squares = 0;
        for (double x : v) value += x;
        for (auto x = g.begin() + offset; x != g.end(); ++x) squares += static_cast<long double>(*x) * *x;
        expected_values.push_back(static_cast<double>(scale * value));
        expected_norms.push_back(std::abs(scale) * std::sqrt(static_cast<double>(squares)));
        total += weight * scale * value;
        magnitude += std::abs(weight * scale * value);
        terms.item[static_cast<std::size_t>(terms.count++)] = {
            values.emplace_back(where, v).data(),
            value_count,
            gradients.emplace_back(where, g).data() + offset,
            size,
            scale,
            weight};
    }
    Buffer<double> metrics(where, 2 * count + 1);
    DNSP_KERNEL(where, weighted_sum, T)(terms, metrics.data());
    const auto got = metrics.values();
    for (int i = 0; i < count; ++i) {
        const auto k = static_cast<std::size_t>(i), n = static_cast<std::size_t>(count);
        CHECK(std::abs(got[k] - expected_values[k]) <= 1e-14 * std::abs(expected_values[k]));
        CHECK(std::abs(got[n + k] - expected_norms[k]) <= 1e-13 * expected_norms[k]);
    }
    CHECK(std::abs(got.back() - static_cast<double>(total)) <= 1e-14 * static_cast<double>(magnitude));
    CHECK(metrics.fences_intact());
}

template <class T>
void check_sum_of_arrays(On where, int count, std::int64_t elements, std::int64_t offset, bool added) {
    INFO(count << " arrays of " << elements << " elements, " << offset << " off" << (added ? ", added" : ""));
    const double factor = -0.75, epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
    const auto before = reference::cast<T>(reference::uniform(offset + elements, 1));
    std::deque<Buffer<T>> arrays;
    UpTo16<Summand<T>> summands;
    std::vector<double> expected(static_cast<std::size_t>(elements), 0.0);
    for (int i = 0; i < count; ++i) {
        const auto values =
            reference::cast<T>(reference::uniform(offset + elements, 10 + static_cast<std::uint64_t>(i)));
        const double own = 0.5 - 0.3 * i;
        for (std::size_t k = 0; k < expected.size(); ++k)
            expected[k] += factor * own * static_cast<double>(values[static_cast<std::size_t>(offset) + k]);
        summands.item[static_cast<std::size_t>(summands.count++)] = {
            arrays.emplace_back(where, values).data() + offset, own};
    }
    Buffer<double> common(where, std::vector<double>{factor});
    Buffer<T> output(where, before);
    T* const out = output.data() + offset;
    DNSP_KERNEL(where, sum_of_arrays, T)(elements, common.data(), summands, added ? out : nullptr, out);
    const auto got = output.values();
    bool right = output.fences_intact() && std::equal(before.begin(), before.begin() + offset, got.begin());
    for (std::size_t k = 0; k < expected.size(); ++k) {
        const auto place = static_cast<std::size_t>(offset) + k;
        const double sum = expected[k] + (added ? static_cast<double>(before[place]) : 0.0);
        // Summed in double, rounded once.
        const double allowed = (sizeof(T) == 4 ? 0.5 * epsilon * std::abs(sum) : 0.0) + 1e-15 * (1 + count);
        right = right && std::abs(static_cast<double>(got[place]) - sum) <= allowed;
    }
    CHECK(right);
}

template <class T>
void check_all(On where) {
    for (std::int64_t offset : {0, 1})
        for (int count : {1, 2, 5, UpTo16<Term<T>>::max_count}) check_weighted_sum<T>(where, count, offset);
    for (bool added : {false, true})
        for (std::int64_t elements : {1, 4, 72, 1031})
            for (std::int64_t offset : {0, 1})
                for (int count : {1, 3, UpTo16<Summand<T>>::max_count})
                    check_sum_of_arrays<T>(where, count, elements, offset, added);
}

}  // namespace

TEST_CASE("weighted_sum and sum_of_arrays agree with their formulas") {
    testing::on_device(check_all<float>);
    testing::on_device(check_all<double>);
    // More than one grid.
    check_sum_of_arrays<float>(testing::device_under_test(), 2, (1 << 20) + 3, 0, true);
}
