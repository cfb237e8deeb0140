#include "kernels/filter_measure.hpp"

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/filter_response.hpp"

using namespace dnsp;
using kernels::Border;
using kernels::FilterVarianceShape;
using reference::GuardedBuffer;

namespace {

template <class T>
void check(const FilterVarianceShape& s, double bound) {
    INFO(s.batch << " patches of " << s.height << "×" << s.width << ", " << s.filters << " filters of side "
                 << s.kernel << (s.border == Border::zero ? ", zero border" : ", valid"));
    const std::int64_t pixels = s.batch * s.height * s.width, taps = s.taps();
    const auto smooth = reference::cast<T>(reference::uniform(pixels, 1, 0, 1));
    const auto sharp = reference::cast<T>(reference::uniform(pixels, 2, 0, 1));
    const auto weights = reference::cast<T>(reference::uniform(s.filters * taps, 3));

    // S by filtering every patch; the bounds are on the halves, whose difference may cancel.
    std::vector<double> expected(weights.size(), 0.0), smooth_half(weights.size(), 0.0);
    const double plus =
        reference::filter_energy(s, reference::widen(smooth), reference::widen(weights), 1, expected);
    smooth_half = expected;
    const double minus =
        reference::filter_energy(s, reference::widen(sharp), reference::widen(weights), -1, expected);

    GuardedBuffer<double> gram(taps * taps);
    std::fill_n(gram.data(), taps * taps, 0.0);
    kernels::cpu::accumulate_tap_gram<T>(s, smooth.data(), 1.0, gram.data());
    kernels::cpu::accumulate_tap_gram<T>(s, sharp.data(), -1.0, gram.data());
    CHECK(gram.fences_intact());
    GuardedBuffer<T> gradient(s.filters * taps);
    const double value =
        kernels::cpu::filter_measure<T>(s.filters, taps, gram.data(), weights.data(), gradient.data());
    CHECK(gradient.fences_intact());
    CHECK(std::abs(value - (plus + minus)) <= bound * plus);
    const auto written = gradient.values();
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] -= static_cast<double>(written[i]);
    CHECK(reference::norm(expected) <= bound * reference::norm(smooth_half));
}

}  // namespace

TEST_CASE("the filter measure as a quadratic form agrees with filtering every patch") {
    for (Border border : {Border::valid, Border::zero})
        for (const auto& shape : std::vector<FilterVarianceShape>{{1, 3, 3, 1, 3, border},
                                                                  {2, 9, 6, 1, 3, border},
                                                                  {3, 10, 12, 8, 3, border},
                                                                  {2, 7, 8, 8, 5, border},
                                                                  {2, 40, 40, 8, 3, border}}) {
            check<double>(shape, 1e-12);
            check<float>(shape, 1e-6);
        }
}

TEST_CASE("accumulate_tap_gram adds to what the matrix holds") {
    const auto patch = reference::uniform(30, 1);
    std::vector<double> once(81, 0.0), twice(81, 0.0);
    const FilterVarianceShape shape{1, 5, 6, 1, 3, Border::valid};
    kernels::cpu::accumulate_tap_gram<double>(shape, patch.data(), 1.0, once.data());
    kernels::cpu::accumulate_tap_gram<double>(shape, patch.data(), 1.0, twice.data());
    kernels::cpu::accumulate_tap_gram<double>(shape, patch.data(), 1.0, twice.data());
    for (double& value : once) value *= 2;
    CHECK(reference::relative_error(twice, once) < 1e-15);
}
