// SRCNN (Dong et al. 2016), paper Fig. 1: 9×9×64, ReLU, 1×1×32, ReLU, 5×5×1. The original has no padding;
// here every layer keeps the image size.
#include "layers/conv2d.hpp"
#include "models/model.hpp"

namespace dnsp {
namespace {

class Srcnn : public Model {
  public:
    Srcnn(const ModelOptions& options, ParameterStore& store)
        : Model(options),
          extraction_(store, "extraction", {.out_channels = 64, .kernel = 9, .activation = Activation::relu}),
          mapping_(store, "mapping",
                   {.in_channels = 64, .out_channels = 32, .kernel = 1, .activation = Activation::relu}),
          reconstruction_(store, "reconstruction",
                          {.in_channels = 32, .kernel = 5, .start_at_zero = options.global_skip}) {
        require(options.depth == 0 && options.width == 0, "[srcnn] has no depth or width to choose");
    }

    int receptive_radius(int alignment) const override {
        return extraction_.receptive_radius(alignment) + mapping_.receptive_radius(alignment) +
               reconstruction_.receptive_radius(alignment);
    }

  protected:
    Tensor network(Tape& tape, const Tensor& input) const override {
        return reconstruction_(tape, extraction_.then(tape, mapping_, input));
    }

  private:
    Conv2d extraction_, mapping_, reconstruction_;
};

const ModelRegistration<Srcnn> registration{"srcnn", "SRCNN 9-1-5, 8 129 parameters"};

}  // namespace
}  // namespace dnsp
