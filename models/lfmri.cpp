// LFMRI (Bahrami, Shi, Rekik, Shen, DLMIA 2016), a network that reads the intensity and the tissue of a
// pixel:
//   7×7×64, ReLU, 5×5×64, ReLU, 3×3×32, ReLU, 3×3×1
// The paper computes the centre of a patch; applied at every pixel this is a convolutional network whose
// receptive field is the patch. Sizes and labels are choices of this project, because the paper's are not
// known to it.
#include "layers/concat.hpp"
#include "layers/conv2d.hpp"
#include "models/model.hpp"

namespace dnsp {
namespace {

constexpr int channels = input_channels(InputFeatures::intensity_and_tissues);

/// The network predicts the image. The default of global_skip is for the other models.
ModelOptions without_skip(ModelOptions options) {
    options.global_skip = false;
    return options;
}

class Lfmri : public Model {
  public:
    struct Options {
        bool labels = true;
        void visit(OptionVisitor& v) {
            v.option(
                {.key = "lfmri_labels",
                 .flag = "--lfmri-labels",
                 .help =
                     "lfmri: read tissue labels (true), which needs skull-stripped volumes, or zeros (false)",
                 .group = "Network"},
                labels);
        }
    };
    Lfmri(const ModelOptions& options, ParameterStore& store)
        : Model(without_skip(options)),
          labels_(options_.own.get<Options>().labels),
          features_(
              store, "features",
              {.in_channels = channels, .out_channels = 64, .kernel = 7, .activation = Activation::relu}),
          mapping_(store, "mapping",
                   {.in_channels = 64, .out_channels = 64, .kernel = 5, .activation = Activation::relu}),
          reduction_(store, "reduction",
                     {.in_channels = 64, .out_channels = 32, .activation = Activation::relu}),
          reconstruction_(store, "reconstruction", {.in_channels = 32}) {
        require(options.depth == 0 && options.width == 0, "[lfmri] has no depth or width to choose");
    }

    InputFeatures input_features() const override {
        return labels_ ? InputFeatures::intensity_and_tissues : InputFeatures::intensity;
    }

    int receptive_radius(int alignment) const override {
        return features_.receptive_radius(alignment) + mapping_.receptive_radius(alignment) +
               reduction_.receptive_radius(alignment) + reconstruction_.receptive_radius(alignment);
    }

  protected:
    Tensor network(Tape& tape, const Tensor& input) const override {
        const Tensor all = labels_ ? input : append_zeros(tape, input, channels - 1);
        return reconstruction_(tape, reduction_(tape, mapping_(tape, features_(tape, all))));
    }

  private:
    bool labels_;
    Conv2d features_, mapping_, reduction_, reconstruction_;
};

const ModelRegistration<Lfmri> registration{
    "lfmri", "7-5-3-3 on intensities and tissue labels, 133 825 parameters, never with a global skip"};

}  // namespace
}  // namespace dnsp
