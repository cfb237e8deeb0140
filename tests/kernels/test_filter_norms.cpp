#include "kernels/filter_norms.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using testing::Buffer;
using testing::On;

namespace {

std::vector<double> norms_of(std::int64_t filters, const std::vector<double>& weights) {
    const std::int64_t taps = static_cast<std::int64_t>(weights.size()) / filters;
    std::vector<double> out;
    for (std::int64_t f = 0; f < filters; ++f)
        out.push_back(reference::norm(
            std::vector<double>(weights.begin() + f * taps, weights.begin() + (f + 1) * taps)));
    return out;
}

template <class T>
void check(On where, std::int64_t filters, std::int64_t taps, double bound) {
    INFO(filters << " filters of " << taps << " taps");
    const auto weights = reference::cast<T>(reference::uniform(filters * taps, 1));
    const auto present = norms_of(filters, reference::widen(weights));
    Buffer<T> scaled(where, weights);
    Buffer<double> norms(where, filters);
    DNSP_KERNEL(where, filter_norms, T)(filters, taps, scaled.data(), norms.data());
    CHECK((norms.fences_intact() && scaled.values() == weights));
    CHECK(reference::relative_error(norms.values(), present) <= 1e-13);

    const auto wanted = reference::uniform(filters, 2, 0.5, 2);
    Buffer<double> wanted_norms(where, wanted);
    DNSP_KERNEL(where, rescale_filters, T)(filters, taps, wanted_norms.data(), scaled.data());
    CHECK(scaled.fences_intact());
    auto expected = reference::widen(weights);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const std::size_t f = i / static_cast<std::size_t>(taps);
        expected[i] *= wanted[f] / present[f];
    }
    CHECK(reference::relative_error(scaled.values(), expected) <= bound);
}

template <class T>
void check_all(On where) {
    const double bound = sizeof(T) == 4 ? 2e-7 : 1e-15;
    for (const auto& [filters, taps] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {1, 1}, {1, 9}, {4, 25}, {8, 9}, {5, 32}, {9, 33}, {11, 121}})
        check<T>(where, filters, taps, bound);

    Buffer<T> zeros(where, std::vector<T>{0, 0, 0, 3, 0, 4});
    Buffer<double> one(where, std::vector<double>{1, 1});
    DNSP_KERNEL(where, rescale_filters, T)(2, 3, one.data(), zeros.data());
    const auto scaled = zeros.values();
    CHECK(std::vector<T>(scaled.begin(), scaled.begin() + 3) == std::vector<T>(3, T(0)));
    CHECK(reference::relative_error(std::vector<T>(scaled.begin() + 3, scaled.end()),
                                    std::vector<double>{0.6, 0, 0.8}) <= bound);
    DNSP_KERNEL(where, rescale_filters, T)(0, 3, one.data(), zeros.data());
    CHECK(zeros.values() == scaled);
}

}  // namespace

TEST_CASE("filters are measured and rescaled to a norm") {
    testing::on_device(check_all<float>);
    testing::on_device(check_all<double>);
}
