// A program of another project: enlarges an image by a registered network, and compares it with the truth.
#include <cmath>
#include <cstdio>

#include "imaging/degradation.hpp"
#include "imaging/metrics.hpp"
#include "inference/tiled_inference.hpp"
#include "models/model.hpp"

int main() {
    using namespace dnsp;
    imaging::Image disc(64, 64);
    for (int y = 0; y < disc.height; ++y)
        for (int x = 0; x < disc.width; ++x) disc.at(y, x) = std::hypot(x - 32, y - 30) < 20.0 ? 1.0f : 0.0f;
    const imaging::Degradation gaussian = imaging::make_degradation("gaussian", 2);
    const imaging::Image enlarged = imaging::enlarge(imaging::degrade(disc, gaussian), gaussian);

    ParameterStore store;
    const auto model = make_model(ModelOptions{.name = "edsr", .depth = 2, .width = 16}, store);
    store.allocate(DType::float32, Device{}, 1);
    const Tensor output = infer(*model, Tensor::from<float>({1, 64, 64, 1}, enlarged.pixels));
    std::printf("bicubic enlargement: PSNR %.2f dB; the network returns %lld pixels\n",
                imaging::psnr(disc, enlarged, {}), static_cast<long long>(output.elements()));
    return output.elements() == 64 * 64 ? 0 : 1;
}
