#include "layers/pixel_shuffle.hpp"

#include "engine/export_graph.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/pixel_shuffle.hpp"

namespace dnsp {
namespace {

using kernels::PixelShuffleShape;

void unshuffle(const PixelShuffleShape& shape, const Tensor& high, const Tensor& low) {
    dispatch(high.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(high.device(), pixel_unshuffle<T>)(shape, high.data<T>(), low.data<T>());
    });
}

void shuffle(const PixelShuffleShape& shape, const Tensor& low, const Tensor& high) {
    dispatch(low.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(low.device(), pixel_shuffle<T>)(shape, low.data<T>(), high.data<T>());
    });
}

void require_image(const char* where, const Tensor& image, std::int64_t factor) {
    require_one_device(where, image);
    const std::string prefix = std::string("[") + where + "] ";
    require(image.shape().rank() == 4,
            prefix + "expects [batch, height, width, channels], got " + image.shape().text());
    require(factor >= 1, prefix + "factor must be at least 1, got " + std::to_string(factor));
}

}  // namespace

Tensor pixel_unshuffle(Tape& tape, const Tensor& high, std::int64_t factor) {
    require_image("pixel_unshuffle", high, factor);
    if (factor == 1) return high;
    const Shape& s = high.shape();
    const PixelShuffleShape shape{s[0], s[1], s[2], s[3], factor};
    Tensor low = Tensor::empty({s[0], shape.low_height(), shape.low_width(), shape.low_channels()},
                               high.dtype(), high.device());
    unshuffle(shape, high, low);
    if (ExportGraph* graph = tape.graph()) {
        require(s[3] == 1, "[export] pixel_unshuffle orders several channels in another way than ONNX");
        // Sides that are not multiples of the factor get (−side) mod factor rows or columns of zeros.
        const std::string image = graph->image(high), sides = graph->node("Shape", {image});
        const std::string pads =
            graph->node("Mod", {graph->node("Neg", {sides}), graph->integers({1, 1, factor, factor})});
        const std::string all_pads =
            graph->node("Concat", {graph->integers({0, 0, 0, 0}), pads}, {{"axis", 0}});
        const std::string blocks =
            graph->node("SpaceToDepth", {graph->node("Pad", {image, all_pads})}, {{"blocksize", factor}});
        graph->bind(low, blocks);
    }
    if (!tape.needs_gradient(high)) return low;
    tape.record(low, [=](const Tensor& low_gradient) {
        accumulate_gradient(high, [&](const Tensor& target) { shuffle(shape, low_gradient, target); });
    });
    return low;
}

Tensor pixel_shuffle(Tape& tape, const Tensor& low, std::int64_t factor, std::int64_t height,
                     std::int64_t width) {
    require_image("pixel_shuffle", low, factor);
    const Shape& s = low.shape();
    const PixelShuffleShape shape{s[0], height, width, s[3] / (factor * factor), factor};
    require(height >= 0 && width >= 0 && s[1] == shape.low_height() && s[2] == shape.low_width() &&
                s[3] == shape.low_channels(),
            "[pixel_shuffle] " + s.text() + " does not fit " + std::to_string(height) + "×" +
                std::to_string(width) + " pixels and the factor " + std::to_string(factor));
    if (factor == 1) return low;
    Tensor high = Tensor::empty({s[0], height, width, shape.channels}, low.dtype(), low.device());
    shuffle(shape, low, high);
    if (ExportGraph* graph = tape.graph()) {
        const std::string blocks = graph->node("DepthToSpace", {graph->image(low)},
                                               {{"blocksize", factor}, {"mode", std::string("CRD")}});
        graph->bind(high, graph->crop_to_input(blocks, height, width));
    }
    if (!tape.needs_gradient(low)) return high;
    tape.record(high, [=](const Tensor& high_gradient) {
        accumulate_gradient(low, [&](const Tensor& target) { unshuffle(shape, high_gradient, target); });
    });
    return high;
}

}  // namespace dnsp
