// Inference on whole slices, from host memory to host memory. Parameters: model, depth, width, slices,
// height, columns, batch (slices computed together; 0: as many as fit into memory).
#include "benchmarks/rows/network.hpp"
#include "inference/tiled_inference.hpp"

namespace dnsp::benchmarks {
namespace {

class Upscale : public Row {
  public:
    Upscale(const Parameters& p, Device device)
        : network_(p),
          device_(device),
          batch_(p.value("batch", 0)),
          images_(
              wavy_images(p.value("slices", 1), p.value("height", 181), p.value("columns", 217), 0.02, 1)) {
        network_.allocate(device);
    }

    TensorFile inputs() const override {
        TensorFile file{network_.weights(), {}};
        file.tensors.emplace("input", images_);
        return file;
    }
    void run() override { output_ = infer(*network_.model, images_.to(device_), {.batch = batch_}).to({}); }
    TensorFile results() const override { return {{{"output", output_}}, {}}; }
    Cost cost() const override {
        return {.flops = static_cast<double>(images_.elements()) * network_.flops_per_pixel()};
    }

  private:
    Network network_;
    Device device_;
    int batch_;
    Tensor images_, output_;
};

const RowRegistration registration{
    "upscale", [](const Parameters& p, Device device) { return std::make_unique<Upscale>(p, device); }};

}  // namespace
}  // namespace dnsp::benchmarks
