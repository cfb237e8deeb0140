#include "kernels/match_values.hpp"

#include <cmath>

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using kernels::Matching;
using testing::Buffer;
using testing::On;

namespace {

/// Compares with the definition. The second image has value 0, where √v has no derivative.
template <class T>
void check(On where, Matching matching, std::int64_t elements) {
    INFO(elements << " elements, " << (matching == Matching::value ? "value" : "square root"));
    const std::int64_t batch = 4;
    auto v = reference::uniform(batch, 1, 0.1, 2), t = reference::uniform(batch, 2, 0.1, 2);
    v[1] = 0;
    const auto g = reference::cast<T>(reference::uniform(batch * elements, 3));
    Buffer<double> values(where, v), targets(where, t), loss(where, batch);
    Buffer<T> gradient(where, g);
    DNSP_KERNEL(where, match_values, T)
    ({batch, elements, matching}, values.data(), targets.data(), loss.data(), gradient.data());
    CHECK((loss.fences_intact() && gradient.fences_intact()));

    std::vector<double> expected_loss, expected_gradient;
    for (std::int64_t b = 0; b < batch; ++b) {
        const double own = v[static_cast<std::size_t>(b)], target = t[static_cast<std::size_t>(b)];
        const bool root = matching == Matching::square_root;
        const double difference = root ? std::sqrt(own) - std::sqrt(target) : own - target;
        const double slope = root ? (own > 0 ? 0.5 / std::sqrt(own) : 0.0) : 1.0;
        expected_loss.push_back(difference * difference);
        for (std::int64_t i = 0; i < elements; ++i)
            expected_gradient.push_back(2 * difference * slope *
                                        static_cast<double>(g[static_cast<std::size_t>(b * elements + i)]));
    }
    CHECK(reference::relative_error(loss.values(), expected_loss) <= 1e-14);
    CHECK(reference::relative_error(gradient.values(), expected_gradient) <= (sizeof(T) == 4 ? 1e-7 : 1e-15));
}

void check_all(On where) {
    for (Matching matching : {Matching::value, Matching::square_root})
        for (std::int64_t elements : {1, 35, 1600}) {
            check<float>(where, matching, elements);
            check<double>(where, matching, elements);
        }
}

}  // namespace

TEST_CASE("match_values is the square of a difference, with its gradient") { testing::on_device(check_all); }
