#include "base/philox.hpp"
#include "imaging/degradation_operator.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp;
using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

Plane random_plane(Eigen::Index height, Eigen::Index width, std::uint64_t stream) {
    const Philox random{17, stream};
    Plane plane(height, width);
    for (Eigen::Index i = 0; i < plane.size(); ++i)
        plane.data()[i] = random.uniform(static_cast<std::uint64_t>(i)) - 0.5;
    return plane;
}

double inner_product(const Plane& a, const Plane& b) { return a.cwiseProduct(b).sum(); }

}  // namespace

TEST_CASE("the degradation operator equals degrade() and its transpose is exact") {
    for (const std::string& preset : degradation_presets())
        for (const int scale : {2, 3, 4})
            for (const auto& [height, width] : {std::pair{36, 24}, {12, 60}, {scale, 2 * scale}}) {
                INFO(preset << " x" << scale << ", " << height << "x" << width);
                const Degradation degradation = make_degradation(preset, scale);
                const SeparableOperator a = degradation_operator(height, width, degradation);
                const Plane x = random_plane(height, width, 1);
                const Plane y = random_plane(height / scale, width / scale, 2);
                CHECK(std::abs(inner_product(a.apply(x), y) - inner_product(x, a.apply_transpose(y))) <
                      1e-12);
                Image low = to_image(a.apply(x));
                if (degradation.kernel == Degradation::Kernel::kspace)
                    for (float& value : low.pixels) value = std::abs(value);
                CHECK(largest_difference(low, degrade(to_image(x), degradation)) < 1e-6);

                const SeparableOperator b = enlargement_operator(height / scale, width / scale, degradation);
                CHECK(std::abs(inner_product(b.apply(y), x) - inner_product(y, b.apply_transpose(x))) <
                      1e-12);
                CHECK(largest_difference(to_image(b.apply(y)),
                                         enlarge_bicubic(to_image(y), scale, degradation.phase)) < 1e-6);
            }
}

TEST_CASE("the norm of the degradation operator equals that of a power iteration") {
    for (const std::string& preset : degradation_presets())
        for (const int scale : {2, 3, 4}) {
            INFO(preset << " x" << scale);
            const SeparableOperator a = degradation_operator(48, 36, make_degradation(preset, scale));
            Plane x = Plane::Ones(48, 36) + 0.1 * random_plane(48, 36, 3);
            double norm = 0.0;
            for (int i = 0; i < 1000; ++i) {
                x = a.apply_transpose(a.apply(x / x.norm()));
                norm = x.norm();
            }
            CHECK(std::abs(a.squared_norm() - norm) < 1e-4 * norm);
        }
    // The values for the default preset in the specification of LRTV: one step size suits all scales.
    const double expected[] = {1.0000, 1.0002, 1.0002};
    for (const int scale : {2, 3, 4}) {
        const SeparableOperator a = degradation_operator(48, 48, make_degradation("gaussian", scale));
        CHECK(std::abs(scale * scale * a.squared_norm() - expected[scale - 2]) < 1e-4);
    }
}

TEST_CASE("the degradation operator refuses sizes that do not fit") {
    const Degradation degradation = make_degradation("gaussian", 2);
    CHECK(contains(complaint([&] { degradation_operator(9, 8, degradation); }), "multiple of the scale 2"));
    CHECK(contains(complaint([&] { degradation_operator(0, 8, degradation); }), "0"));
    const SeparableOperator a = degradation_operator(8, 6, degradation);
    CHECK(contains(complaint([&] { a.apply(Plane::Zero(6, 8)); }), "8×6"));
    CHECK(contains(complaint([&] { a.apply_transpose(Plane::Zero(8, 6)); }), "4×3"));
}
