#include "kernels/adam.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/kernels/table.hpp"
#include "tests/reference/adam.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using kernels::AdamRates;
using kernels::AdamShape;
using kernels::StepPosition;
using testing::Buffer;
using testing::On;
using testing::Table;

namespace {

struct Segment {
    std::int64_t first, count;
    double learning_rate;
};

AdamShape shape_of(const std::vector<Segment>& segments, double epsilon) {
    AdamShape shape;
    for (const Segment& s : segments)
        shape.segments[static_cast<std::size_t>(shape.segment_count++)] = {s.first, s.count};
    shape.epsilon = epsilon;
    return shape;
}

/// Rows of rates for steps 1 … steps, after one unused row.
std::vector<AdamRates> rates_of(const std::vector<Segment>& segments, const AdamShape& shape,
                                std::int64_t steps) {
    std::array<double, AdamShape::max_segments> learning_rates{};
    for (std::size_t s = 0; s < segments.size(); ++s) learning_rates[s] = segments[s].learning_rate;
    std::vector<AdamRates> rows(1);
    for (std::int64_t t = 1; t <= steps; ++t) rows.push_back(adam_rates(shape, learning_rates, t));
    return rows;
}

std::vector<double> part(const std::vector<double>& all, const Segment& segment) {
    return {all.begin() + segment.first, all.begin() + segment.first + segment.count};
}

void put(const std::vector<double>& values, const Segment& segment, std::vector<double>& all) {
    std::copy(values.begin(), values.end(), all.begin() + segment.first);
}

/// Runs steps with new gradients, every fifth of them zero, and compares each segment with Algorithm 1.
/// Elements outside the segments must not change.
template <class T>
void check(On where, std::int64_t count, const std::vector<Segment>& segments, double epsilon, double bound,
           int steps = 10) {
    const AdamShape shape = shape_of(segments, epsilon);
    const Table<AdamRates> rates(where, rates_of(segments, shape, steps));
    const auto start = reference::cast<T>(reference::uniform(count, 1));
    const auto untouched = reference::cast<T>(reference::uniform(count, 2));
    std::vector<T> moments = untouched;
    std::vector<reference::Adam> expected;
    for (const Segment& s : segments) {
        expected.push_back(
            {s.learning_rate, shape.beta1, shape.beta2, epsilon, part(reference::widen(start), s)});
        std::fill_n(moments.begin() + s.first, s.count, T(0));
    }
    Buffer<T> value(where, start), m(where, moments), v(where, moments);
    for (std::int64_t step = 1; step <= steps; ++step) {
        const Table<StepPosition> position(where, {{7, step}});
        auto values = reference::cast<T>(reference::uniform(count, 10 + static_cast<std::uint64_t>(step)));
        for (std::size_t i = 0; i < values.size(); i += 5) values[i] = T(0);
        Buffer<T> gradient(where, values);
        DNSP_KERNEL(where, adam, T)
        (shape, rates.data(), position.data(), gradient.data(), value.data(), m.data(), v.data());

        auto wanted = reference::widen(start), wanted_m = reference::widen(untouched), wanted_v = wanted_m;
        for (std::size_t s = 0; s < segments.size(); ++s) {
            expected[s].step(part(reference::widen(values), segments[s]));
            put(expected[s].theta, segments[s], wanted);
            put(expected[s].m, segments[s], wanted_m);
            put(expected[s].v, segments[s], wanted_v);
        }
        INFO(count << " elements, " << segments.size() << " segments, step " << step);
        CHECK(reference::relative_error(value.values(), wanted) <= bound);
        CHECK(reference::relative_error(m.values(), wanted_m) <= bound);
        CHECK(reference::relative_error(v.values(), wanted_v) <= bound);
        CHECK(gradient.values() == values);
    }
    CHECK((value.fences_intact() && m.fences_intact() && v.fences_intact()));
}

template <class T>
void check_all(On where) {
    const double bound = sizeof(T) == 4 ? 1e-5 : 1e-13;
    for (std::int64_t count : {0, 2, 31, 2001}) {
        check<T>(where, count, {{0, count, 1e-2}}, 1e-8, bound);
        check<T>(where, count, {{0, count, 1e-2}}, 1e-1, bound);  // an ε that matters
    }
    // Gaps, an empty segment, and segments out of memory order.
    check<T>(where, 700, {{0, 257, 1e-2}, {257, 443, 1e-3}}, 1e-8, bound);
    check<T>(where, 700, {{300, 1, 2e-2}, {5, 259, 1e-2}, {310, 0, 5e-2}, {311, 300, 1e-3}}, 1e-8, bound);
    check<T>(where, 700, {{1, 2, 1e-2}, {4, 3, 2e-2}, {9, 690, 4e-2}}, 1e-8, bound);
    check<T>(where, 8, {}, 1e-8, bound);
}

/// The bounds above are for the whole array, these are for an element.
void check_first_step(On where) {
    Buffer<double> gradient(where, std::vector<double>{1e-3, -5.0, 0.0}),
        value(where, std::vector<double>(3, 1.0));
    Buffer<double> m(where, std::vector<double>(3, 0.0)), v(where, std::vector<double>(3, 0.0));
    const std::vector<Segment> all{{0, 3, 1e-4}};
    const AdamShape shape = shape_of(all, 1e-12);
    const Table<AdamRates> rates(where, rates_of(all, shape, 1));
    const Table<StepPosition> position(where, {{0, 1}});
    DNSP_KERNEL(where, adam, double)
    (shape, rates.data(), position.data(), gradient.data(), value.data(), m.data(), v.data());
    const auto moved = value.values();
    CHECK(std::abs(moved[0] - (1 - 1e-4)) < 1e-10);
    CHECK(std::abs(moved[1] - (1 + 1e-4)) < 1e-10);
    CHECK(moved[2] == 1.0);
}

}  // namespace

TEST_CASE("adam follows Kingma and Ba's Algorithm 1") {
    testing::on_device(check_all<float>);
    testing::on_device(check_all<double>);
    // Longer than one CPU thread's share, and than one grid.
    check<float>(testing::device_under_test(), 300000, {{0, 200001, 1e-2}, {200002, 99998, 2e-2}}, 1e-8, 1e-5,
                 2);
}

TEST_CASE("the first step of adam moves by the learning rate against the gradient's sign") {
    testing::on_device(check_first_step);
}
