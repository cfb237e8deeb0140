// A network over whole slices, from host memory to host memory. Parameters: model, depth, width, slices,
// height, columns.
#include "benchmarks/rows/network.hpp"
#include "models/tiled_inference.hpp"

namespace dnsp::benchmarks {
namespace {

class Upscale : public Row {
  public:
    Upscale(const Parameters& p, Device device)
        : network_(p),
          device_(device),
          slices_(p.value("slices", 1)),
          images_(wavy_images(slices_, p.value("height", 181), p.value("columns", 217), 0.02, 1)) {
        network_.allocate(device);
    }

    TensorFile inputs() const override {
        TensorFile file{network_.weights(), {}};
        file.tensors.emplace("input", images_);
        return file;
    }
    void run() override {
        const Shape& s = images_.shape();
        if (!output_.defined()) output_ = Tensor::empty_like(images_);
        for (std::int64_t n = 0; n < slices_; ++n) {
            const std::int64_t first = n * s[1] * s[2];
            const Tensor input = images_.view(first, {1, s[1], s[2], 1}).to(device_);
            output_.view(first, {1, s[1], s[2], 1}).copy_from(infer(*network_.model, input));
        }
    }
    TensorFile results() const override { return {{{"output", output_}}, {}}; }
    Cost cost() const override {
        return {static_cast<double>(images_.elements()) * network_.flops_per_pixel(), 0};
    }

  private:
    Network network_;
    Device device_;
    std::int64_t slices_;
    Tensor images_, output_;
};

const RowRegistration registration{
    "upscale", [](const Parameters& p, Device device) { return std::make_unique<Upscale>(p, device); }};

}  // namespace
}  // namespace dnsp::benchmarks
