#include "kernels/adam.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/adam.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using kernels::AdamSegment;
using kernels::AdamStep;
using testing::Buffer;
using testing::On;

namespace {

AdamStep step_of(const std::vector<AdamSegment>& segments, double epsilon) {
    AdamStep step;
    std::copy(segments.begin(), segments.end(), step.segments.begin());
    step.segment_count = static_cast<int>(segments.size());
    step.epsilon = epsilon;
    return step;
}

std::vector<double> part(const std::vector<double>& all, const AdamSegment& segment) {
    return {all.begin() + segment.first, all.begin() + segment.first + segment.count};
}

void put(const std::vector<double>& values, const AdamSegment& segment, std::vector<double>& all) {
    std::copy(values.begin(), values.end(), all.begin() + segment.first);
}

/// Steps with new gradients, of which every fifth is zero, against Algorithm 1 on each segment by itself;
/// what lies outside of the segments stays as it is.
template <class T>
void check(On where, std::int64_t count, const std::vector<AdamSegment>& segments, double epsilon,
           double bound, int steps = 10) {
    AdamStep step = step_of(segments, epsilon);
    const auto start = reference::cast<T>(reference::uniform(count, 1));
    const auto untouched = reference::cast<T>(reference::uniform(count, 2));
    std::vector<T> moments = untouched;
    std::vector<reference::Adam> expected;
    for (const AdamSegment& s : segments) {
        expected.push_back(
            {s.learning_rate, step.beta1, step.beta2, epsilon, part(reference::widen(start), s)});
        std::fill_n(moments.begin() + s.first, s.count, T(0));
    }
    Buffer<T> value(where, start), m(where, moments), v(where, moments);
    for (step.step = 1; step.step <= steps; ++step.step) {
        auto values =
            reference::cast<T>(reference::uniform(count, 10 + static_cast<std::uint64_t>(step.step)));
        for (std::size_t i = 0; i < values.size(); i += 5) values[i] = T(0);
        Buffer<T> gradient(where, values);
        DNSP_KERNEL(where, adam, T)(step, gradient.data(), value.data(), m.data(), v.data());

        auto wanted = reference::widen(start), wanted_m = reference::widen(untouched), wanted_v = wanted_m;
        for (std::size_t s = 0; s < segments.size(); ++s) {
            expected[s].step(part(reference::widen(values), segments[s]));
            put(expected[s].theta, segments[s], wanted);
            put(expected[s].m, segments[s], wanted_m);
            put(expected[s].v, segments[s], wanted_v);
        }
        INFO(count << " elements, " << segments.size() << " segments, step " << step.step);
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
    // Gaps, an empty segment, another order than in memory.
    check<T>(where, 700, {{0, 257, 1e-2}, {257, 443, 1e-3}}, 1e-8, bound);
    check<T>(where, 700, {{300, 1, 2e-2}, {5, 259, 1e-2}, {310, 0, 5e-2}, {311, 300, 1e-3}}, 1e-8, bound);
    check<T>(where, 700, {{1, 2, 1e-2}, {4, 3, 2e-2}, {9, 690, 4e-2}}, 1e-8, bound);
    check<T>(where, 8, {}, 1e-8, bound);
}

/// The bounds above are of the whole array; these are of an element.
void check_first_step(On where) {
    Buffer<double> gradient(where, std::vector<double>{1e-3, -5.0, 0.0}),
        value(where, std::vector<double>(3, 1.0));
    Buffer<double> m(where, std::vector<double>(3, 0.0)), v(where, std::vector<double>(3, 0.0));
    DNSP_KERNEL(where, adam, double)
    (step_of({{0, 3, 1e-4}}, 1e-12), gradient.data(), value.data(), m.data(), v.data());
    const auto moved = value.values();
    CHECK(std::abs(moved[0] - (1 - 1e-4)) < 1e-10);
    CHECK(std::abs(moved[1] - (1 + 1e-4)) < 1e-10);
    CHECK(moved[2] == 1.0);
}

}  // namespace

TEST_CASE("adam follows Kingma and Ba's Algorithm 1") {
    check_all<float>(On::cpu);
    check_all<double>(On::cpu);
    check<float>(On::cpu, 40001, {{0, 20001, 1e-2}, {20002, 19999, 2e-2}}, 1e-8, 1e-5);
}

TEST_CASE("adam follows Kingma and Ba's Algorithm 1, cuda") {
    DNSP_REQUIRE_CUDA();
    testing::for_each_thread_order([] {
        check_all<float>(On::cuda);
        check_all<double>(On::cuda);
    });
    // More than a grid holds at once.
    check<float>(On::cuda, 300000, {{0, 200001, 1e-2}, {200002, 99998, 2e-2}}, 1e-8, 1e-5, 2);
}

TEST_CASE("the first step of adam moves by the learning rate against the gradient's sign") {
    check_first_step(On::cpu);
}

TEST_CASE("the first step of adam moves by the learning rate against the gradient's sign, cuda") {
    DNSP_REQUIRE_CUDA();
    testing::for_each_thread_order([] { check_first_step(On::cuda); });
}
