#include "models/classical/back_projection.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "models/classical/method.hpp"

namespace dnsp::classical {

imaging::Plane back_project(const imaging::SeparableOperator& degradation, int scale,
                            const imaging::Plane& low, imaging::Plane image, int steps, double step) {
    const double squared_scale = static_cast<double>(scale) * scale;
    const double length = step * squared_scale / std::max(1.0, squared_scale * degradation.squared_norm());
    for (int i = 0; i < steps; ++i)
        image += length * degradation.apply_transpose(low - degradation.apply(image));
    return image;
}

namespace {

class BackProjection : public Method {
  public:
    struct Options {
        int steps = 40;
        double step = 0.5;
        void visit(OptionVisitor& v) {
            v.option({.key = "steps", .help = "number of steps", .range = Range::non_negative}, steps);
            v.option({.key = "step", .help = "length of a step, below 2", .range = Range::positive}, step);
        }
    };
    explicit BackProjection(const Options& options) : options_(options) {
        require(options.step < 2.0, "[method] back-projection: option step: expected a number below 2");
    }

  protected:
    imaging::Image enlarge_checked(const imaging::Image& low,
                                   const imaging::Degradation& degradation) const override {
        const int scale = degradation.scale;
        const imaging::Plane target = imaging::to_plane(low);
        const auto a = imaging::degradation_operator(low.height * scale, low.width * scale, degradation);
        const auto bicubic = imaging::enlargement_operator(low.height, low.width, degradation);
        return imaging::to_image(
            back_project(a, scale, target, bicubic.apply(target), options_.steps, options_.step));
    }

  private:
    Options options_;
};

const MethodRegistration<BackProjection> registration{
    "back-projection", "bicubic interpolation, then steps along Aᵀ(T − A X); is told the degradation A"};

}  // namespace
}  // namespace dnsp::classical
