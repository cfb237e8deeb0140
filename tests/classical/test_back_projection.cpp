#include "models/classical/back_projection.hpp"
#include "models/classical/method.hpp"
#include "tests/classical/synthetic.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("back-projection fits the low-resolution image monotonically for steps below 2") {
    for (const std::string& preset : imaging::degradation_presets())
        for (const int scale : {2, 4})
            for (const auto& [step, sigma_factor] : {std::pair{0.5, 1.0}, {1.9, 1.0}, {1.9, 0.3}}) {
                INFO(preset << " x" << scale << ", step " << step << ", sigma times " << sigma_factor);
                auto degradation = imaging::make_degradation(preset, scale);
                degradation.sigma *= sigma_factor;
                const auto a = imaging::degradation_operator(32, 32, degradation);
                const imaging::Plane low = a.apply(waves_and_disc());
                imaging::Plane image = imaging::Plane::Zero(32, 32);
                double before = low.norm();
                for (int i = 0; i < 40; ++i) {
                    image = classical::back_project(a, scale, low, image, 1, step);
                    const double residual = (low - a.apply(image)).norm();
                    CHECK((residual < before || residual < 1e-13));
                    before = residual;
                }
            }
}

TEST_CASE("back-projection converges to a solution of A X = T") {
    const auto a = imaging::degradation_operator(32, 32, imaging::make_degradation("box", 2));
    const imaging::Plane low = a.apply(waves_and_disc());
    // For the box, s²·A·Aᵀ is the identity: a step of 1 solves the equation at once.
    const imaging::Plane image = classical::back_project(a, 2, low, imaging::Plane::Zero(32, 32), 1, 1.0);
    CHECK((low - a.apply(image)).norm() < 1e-13);
}

TEST_CASE("the method back-projection starts with the bicubic image and improves on it") {
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const imaging::Image high = imaging::to_image(waves_and_disc());
    const imaging::Image low = degrade(high, degradation);
    const imaging::Image bicubic = classical::make_method("bicubic")->enlarge(low, degradation);
    CHECK(classical::make_method("back-projection:steps=0")->enlarge(low, degradation).pixels ==
          bicubic.pixels);
    const imaging::Image enlarged = classical::make_method("back-projection")->enlarge(low, degradation);
    const auto score = [&](const imaging::Image& image) {
        return psnr(imaging::to_plane(high), imaging::to_plane(image));
    };
    CHECK(std::abs(score(bicubic) - 26.713033) < 1e-4);  // METHODS.md
    CHECK(score(enlarged) > score(bicubic) + 1.0);
}
