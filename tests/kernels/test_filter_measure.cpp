#include "kernels/filter_measure.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/reference/filter_response.hpp"

using namespace dnsp;
using kernels::Border;
using kernels::FilterVarianceShape;
using testing::Buffer;
using testing::On;

namespace {

template <class T>
void check(On where, const FilterVarianceShape& s, double bound) {
    INFO(s.batch << " patches of " << s.height << "×" << s.width << ", " << s.filters << " filters of side "
                 << s.kernel << (s.border == Border::zero ? ", zero border" : ", valid"));
    const std::int64_t pixels = s.batch * s.height * s.width, taps = s.taps();
    const auto smooth_values = reference::cast<T>(reference::uniform(pixels, 1, 0, 1));
    const auto sharp_values = reference::cast<T>(reference::uniform(pixels, 2, 0, 1));
    const auto weight_values = reference::cast<T>(reference::uniform(s.filters * taps, 3));

    // S by filtering every patch. Bounds are relative to the two halves, because their difference may cancel.
    std::vector<double> expected(weight_values.size(), 0.0), smooth_half(weight_values.size(), 0.0);
    const auto w = reference::widen(weight_values);
    const double plus = reference::filter_energy(s, reference::widen(smooth_values), w, 1, expected);
    smooth_half = expected;
    const double minus = reference::filter_energy(s, reference::widen(sharp_values), w, -1, expected);

    Buffer<T> smooth(where, smooth_values), sharp(where, sharp_values), weights(where, weight_values);
    Buffer<double> gram(where, std::vector<double>(static_cast<std::size_t>(taps * taps), 0.0));
    DNSP_KERNEL(where, accumulate_tap_gram, T)(s, smooth.data(), 1.0, gram.data());
    DNSP_KERNEL(where, accumulate_tap_gram, T)(s, sharp.data(), -1.0, gram.data());
    CHECK(gram.fences_intact());
    Buffer<T> gradient(where, s.filters * taps);
    Buffer<double> value(where, 1);
    DNSP_KERNEL(where, filter_measure, T)
    (s.filters, taps, gram.data(), weights.data(), value.data(), gradient.data());
    CHECK((gradient.fences_intact() && value.fences_intact()));
    CHECK(std::abs(value.values()[0] - (plus + minus)) <= bound * plus);
    const auto written = gradient.values();
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] -= static_cast<double>(written[i]);
    CHECK(reference::norm(expected) <= bound * reference::norm(smooth_half));
}

void check_shapes(On where, const std::vector<FilterVarianceShape>& shapes) {
    for (const FilterVarianceShape& shape : shapes) {
        check<double>(where, shape, 1e-12);
        check<float>(where, shape, 1e-6);
    }
}

/// The fourth has the most taps; the last but one has more pixels than a block has threads.
const std::vector<FilterVarianceShape> small_shapes{
    {1, 3, 3, 1, 3, Border::valid},  {2, 9, 6, 1, 3, Border::valid},   {2, 6, 9, 2, 3, Border::zero},
    {1, 5, 4, 17, 3, Border::valid}, {3, 13, 17, 8, 3, Border::valid}, {1, 6, 5, 2, 5, Border::zero}};
const std::vector<FilterVarianceShape> larger_shapes{
    {2, 7, 8, 8, 5, Border::valid}, {2, 40, 40, 8, 3, Border::valid}, {2, 40, 40, 8, 3, Border::zero}};

void check_accumulation(On where) {
    const FilterVarianceShape shape{1, 5, 6, 1, 3, Border::valid};
    Buffer<double> patch(where, reference::uniform(30, 1));
    Buffer<double> once(where, std::vector<double>(81, 0.0)), twice(where, std::vector<double>(81, 0.0));
    const auto accumulate = DNSP_KERNEL(where, accumulate_tap_gram, double);
    accumulate(shape, patch.data(), 1.0, once.data());
    accumulate(shape, patch.data(), 1.0, twice.data());
    accumulate(shape, patch.data(), 1.0, twice.data());
    auto doubled = once.values();
    for (double& value : doubled) value *= 2;
    CHECK(reference::relative_error(twice.values(), doubled) < 1e-15);
}

}  // namespace

TEST_CASE("the filter measure as a quadratic form agrees with filtering every patch") {
    testing::on_device([](On where) { check_shapes(where, small_shapes); });
    check_shapes(testing::device_under_test(), larger_shapes);
}

TEST_CASE("accumulate_tap_gram adds to what the matrix holds") { testing::on_device(check_accumulation); }
