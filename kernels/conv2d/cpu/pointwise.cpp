#include "kernels/conv2d/cpu/pointwise.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/pointwise_weights.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

/// Pixels per work item of a thread: they and their outputs fit into L1 and L2.
constexpr std::int64_t chunk = 96;
static_assert(chunk % tile_rows == 0);

/// Up to `chunk` pixels as float. Pixels stored as float are not copied.
class FloatPixels {
  public:
    FloatPixels(const StoredImage& image, std::int64_t channels) : image_(image), channels_(channels) {
        if (!image.floats(0)) copy_ = uninitialised(chunk * channels);
    }
    /// Valid until the next call.
    const float* at(std::int64_t first, std::int64_t count) {
        if (!copy_) return image_.floats(first * channels_);
        image_.copy(first * channels_, count * channels_, copy_.get());
        return copy_.get();
    }

  private:
    StoredImage image_;
    std::int64_t channels_;
    Scratch copy_;
};

template <class To>
void multiply(std::int64_t pixels, const PointwiseWeights& weights, const StoredImage& images,
              const Epilogue<To>& epilogue) {
#pragma omp parallel
    {
        FloatPixels inputs(images, weights.from());
#pragma omp for schedule(static)
        for (std::int64_t begin = 0; begin < pixels; begin += chunk) {
            const std::int64_t count = std::min(chunk, pixels - begin);
            weights.multiply(begin, count, inputs.at(begin, count), epilogue);
        }
    }
}

}  // namespace

bool pointwise_supports(const Conv2dShape& s) {
    return s.kernel_height == 1 && s.kernel_width == 1 && s.in_channels % channel_unit == 0 &&
           s.out_channels % channel_unit == 0;
}

template <class In, class Out>
void pointwise_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    multiply(s.pixels(), PointwiseWeights(s, false, pass.weight), pass.input, Epilogue(pass));
}

template <class In, class Out>
void pointwise_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    multiply(s.pixels(), PointwiseWeights(s, true, pass.weight), pass.output_gradient, Epilogue(pass));
}

template <class In, class Out>
void pointwise_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<In, Out>& pass) {
    const std::int64_t in = s.in_channels, out = s.out_channels;
    const Parts parts(s.pixels(), chunk, 4 * chunk);
    PartialGradients partial(parts.count, s.weight_elements(), out);
#pragma omp parallel
    {
        FloatPixels inputs(pass.input, in);
        FloatPixels output_gradients(pass.output_gradient, out);
#pragma omp for schedule(dynamic)
        for (std::int64_t part = 0; part < parts.count; ++part) {
            float* const sums = partial.weight(part);
            double* const bias = partial.bias(part);
            std::fill_n(sums, out * in, 0.0f);
            for (std::int64_t begin = parts.begin(part); begin < parts.end(part); begin += chunk) {
                const std::int64_t count = std::min(chunk, parts.end(part) - begin);
                const float* const gradients = output_gradients.at(begin, count);
                accumulate_products(count, out, gradients, in, inputs.at(begin, count), sums);
                add_over_pixels(count, out, gradients, bias);
            }
        }
        partial.add_weights(pass.scale, pass.weight_gradient);
    }
    partial.add_biases(pass.scale, out, pass.bias_gradient);
}

DNSP_INSTANTIATE_STORED(pointwise_forward);
DNSP_INSTANTIATE_STORED(pointwise_backward_input);
DNSP_INSTANTIATE_STORED(pointwise_backward_weight);

}  // namespace dnsp::kernels::cpu::detail
