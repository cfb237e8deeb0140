#include "kernels/conv2d/cpu/pointwise.hpp"

#include <algorithm>

#include "kernels/conv2d/cpu/microkernel.hpp"

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

/// output[first + r, t] = epilogue(Σ_f inputs[r, f] · weights[f, t]), r < rows, summed in the order of f.
template <int rows, int vectors, class To>
void multiply_pixels(std::int64_t first, std::int64_t from, const float* inputs, const float* weights,
                     std::int64_t to, const Epilogue<To>& epilogue) {
    constexpr std::int64_t panel = vectors * packet;
    for (std::int64_t t = 0; t < to; t += panel) {
        Tile<rows, vectors> tile{};
        for (int r = 0; r < rows; ++r)
            for (int v = 0; v < vectors; ++v) epilogue.prefetch((first + r) * to + t + v * packet);
        multiply_tile<rows, vectors>(from, inputs, from, 1, weights + t * from, panel, tile);
        for (int r = 0; r < rows; ++r)
            for (int v = 0; v < vectors; ++v)
                epilogue.write((first + r) * to + t + v * packet, t + v * packet, tile[r][v]);
    }
}

/// The weight of (f, t) is weight[f · from_stride + t · to_stride].
template <class To>
void multiply(std::int64_t pixels, std::int64_t from, std::int64_t from_stride, const StoredImage& images,
              std::int64_t to, std::int64_t to_stride, const float* weight, const Epilogue<To>& epilogue) {
    with_panels_of(to, [&]<int vectors>() {
        const Scratch weights = packed_in_panels(
            from, to, vectors * packet,
            [=](std::int64_t f, std::int64_t t) { return weight[f * from_stride + t * to_stride]; });
#pragma omp parallel
        {
            FloatPixels inputs(images, from);
#pragma omp for schedule(static)
            for (std::int64_t begin = 0; begin < pixels; begin += chunk) {
                const std::int64_t end = std::min(pixels, begin + chunk);
                const float* const first = inputs.at(begin, end - begin);
                std::int64_t pixel = begin;
                for (; pixel + tile_rows <= end; pixel += tile_rows)
                    multiply_pixels<tile_rows, vectors>(pixel, from, first + (pixel - begin) * from,
                                                        weights.get(), to, epilogue);
                for (; pixel < end; ++pixel)
                    multiply_pixels<1, vectors>(pixel, from, first + (pixel - begin) * from, weights.get(),
                                                to, epilogue);
            }
        }
    });
}

}  // namespace

bool pointwise_supports(const Conv2dShape& s) {
    return s.kernel_height == 1 && s.kernel_width == 1 && s.in_channels % channel_unit == 0 &&
           s.out_channels % channel_unit == 0;
}

template <class In, class Out>
void pointwise_forward(const Conv2dShape& s, const Conv2dForward<In, Out>& pass) {
    multiply(s.pixels(), s.in_channels, 1, pass.input, s.out_channels, s.in_channels, pass.weight,
             Epilogue(pass));
}

template <class In, class Out>
void pointwise_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<In, Out>& pass) {
    multiply(s.pixels(), s.out_channels, s.in_channels, pass.output_gradient, s.in_channels, 1, pass.weight,
             Epilogue(pass));
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
