// DCSRN (Chen et al. 2018) in 2-D: a 3×3 head, one densely connected block, a 3×3 tail. Each unit of
// the block reads the channels of the head and of all previous units:
//   x₀ = head(input),   xᵢ₊₁ = concat(xᵢ, conv3×3(ELU(BN(xᵢ)))),   output = tail(x_depth)
// The head has 2 · width channels, each unit adds width. The original is 3-D. All images are float32:
// batch normalisation and concatenation do not support bfloat16.
#include <cmath>
#include <vector>

#include "layers/batch_norm.hpp"
#include "layers/concat.hpp"
#include "layers/conv2d.hpp"
#include "layers/elu.hpp"
#include "models/model.hpp"

namespace dnsp {
namespace {

constexpr int paper_depth = 4;
constexpr int paper_width = 24;

class DenseUnit {
  public:
    DenseUnit(ParameterStore& store, const std::string& name, const Conv2d::Options& conv)
        : norm_(store, name + ".norm", conv.in_channels), conv_(store, name + ".conv", conv) {}

    Tensor operator()(Tape& tape, const Tensor& input) const {
        return concat(tape, {input, conv_(tape, elu(tape, norm_(tape, input)))});
    }
    int receptive_radius(int alignment) const { return conv_.receptive_radius(alignment); }

  private:
    BatchNorm norm_;
    Conv2d conv_;
};

class Dcsrn : public Model {
  public:
    Dcsrn(const ModelOptions& options, ParameterStore& store)
        : Model(with_defaults(options, paper_depth, paper_width)),
          head_(store, "head", {.out_channels = channels(0), .initialiser = initialiser()}),
          units_(make_units(store)),
          tail_(store, "tail",
                {.in_channels = channels(options_.depth),
                 .start_at_zero = options_.global_skip,
                 .initialiser = initialiser()}) {}

    int receptive_radius(int alignment) const override {
        int radius = head_.receptive_radius(alignment) + tail_.receptive_radius(alignment);
        for (const DenseUnit& unit : units_) radius += unit.receptive_radius(alignment);
        return radius;
    }

  protected:
    Tensor network(Tape& tape, const Tensor& input) const override {
        Tensor features = head_(tape, input);
        for (const DenseUnit& unit : units_) features = unit(tape, features);
        return tail_(tape, features);
    }

  private:
    /// Input channels of a unit.
    std::int64_t channels(int unit) const { return std::int64_t{2 + unit} * options_.width; }

    /// The initialiser of the published code, for a kernel of 3×3 instead of 3×3×3.
    Initialiser initialiser() const {
        return Initialiser::truncated_normal(std::sqrt(2.0 / (9.0 * options_.width)));
    }

    std::vector<DenseUnit> make_units(ParameterStore& store) const {
        std::vector<DenseUnit> units;
        for (int i = 0; i < options_.depth; ++i)
            units.emplace_back(store, "units." + std::to_string(i),
                               Conv2d::Options{.in_channels = channels(i),
                                               .out_channels = options_.width,
                                               .bias = false,
                                               .initialiser = initialiser()});
        return units;
    }

    Conv2d head_;
    std::vector<DenseUnit> units_;
    Conv2d tail_;
};

const ModelRegistration<Dcsrn> registration{"dcsrn",
                                            "DCSRN, --depth dense units (4) of --width channels each (24)"};

}  // namespace
}  // namespace dnsp
