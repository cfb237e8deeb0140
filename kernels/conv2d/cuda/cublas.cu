#include "kernels/conv2d/cuda/cublas.hpp"

#include <algorithm>
#include <optional>

#include "base/divide_up.hpp"
#include "kernels/conv2d/cuda/epilogue.cuh"
#include "kernels/conv2d/cuda/partial_sums.hpp"
#include "kernels/conv2d/cuda/tiled.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/simt/cublas.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

constexpr int threads = 256;

unsigned blocks(std::int64_t count) { return static_cast<unsigned>(divide_up(count, threads)); }

/// columns[p, (tap, c)] = image[first_pixel + p + tap − ⌊kernel / 2⌋, c], zero outside the image. A thread
/// owns a number; neighbours own neighbouring numbers. Bound by the writes.
template <class T>
__global__ void __launch_bounds__(threads)
    image_to_columns(const Conv2dShape s, std::int64_t first_pixel, std::int64_t count,
                     const T* __restrict__ image, T* __restrict__ columns) {
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
    if (i >= count) return;
    const std::int64_t channel = i % s.in_channels, tap_x = i / s.in_channels % s.kernel_width,
                       tap_y = i / s.in_channels / s.kernel_width % s.kernel_height;
    const std::int64_t pixel = first_pixel + i / s.in_channels / s.kernel_width / s.kernel_height;
    const std::int64_t dy = tap_y - s.kernel_height / 2, dx = tap_x - s.kernel_width / 2;
    const std::int64_t y = pixel / s.width % s.height + dy, x = pixel % s.width + dx;
    const bool inside = y >= 0 && y < s.height && x >= 0 && x < s.width;
    columns[i] = inside ? image[(pixel + dy * s.width + dx) * s.in_channels + channel] : T(0);
}

/// Applies the epilogue in place to sums in the output. A thread owns a vector of channels of a pixel.
template <class T>
__global__ void __launch_bounds__(threads)
    apply_in_place(std::int64_t pixels, int vectors, int channels, const Epilogue<T> epilogue) {
    constexpr int width = simt::Vector<T>::width;
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
    if (i >= pixels * vectors) return;
    const std::int64_t pixel = i / vectors;
    const int channel = static_cast<int>(i % vectors) * width, elements = min(width, channels - channel);
    const simt::Vector<T> sums =
        simt::load_vector(epilogue.output, pixel * channels + channel, elements, epilogue.aligned);
    epilogue.write(pixel, channel, elements, sums, epilogue.offset(channel, elements));
}

/// Calls body(first pixel, pixels, columns) for chunks of the image. For a 1×1 kernel the image itself is the
/// matrix of columns.
template <class T, class Body>
void for_each_chunk(const Conv2dShape& s, const T* image, std::int64_t column_bytes, Body&& body) {
    const std::int64_t row = s.kernel_height * s.kernel_width * s.in_channels;
    if (row == s.in_channels) return body(0, s.pixels(), image);
    const std::int64_t chunk =
        std::clamp<std::int64_t>(column_bytes / (row * static_cast<std::int64_t>(sizeof(T))), 1,
                                 std::max<std::int64_t>(1, s.pixels()));
    const simt::Workspace<T> columns(chunk * row);
    for (std::int64_t first = 0; first < s.pixels(); first += chunk) {
        const std::int64_t pixels = std::min(chunk, s.pixels() - first);
        simt::launch(image_to_columns<T>, dim3(blocks(pixels * row)), dim3(threads), 0, s, first,
                     pixels * row, image, columns.data());
        body(first, pixels, static_cast<const T*>(columns.data()));
    }
}

template <class T>
void convolve(const Conv2dShape& s, bool backward, const T* input, const T* weight, Epilogue<T> epilogue,
              std::int64_t column_bytes) {
    // The sums are written to the output before the epilogue is applied.
    std::optional<simt::Workspace<T>> kept;
    if (epilogue.residual == epilogue.output) {
        const auto bytes = static_cast<std::size_t>(s.output_elements()) * sizeof(T);
        simt::copy_on_device(kept.emplace(s.output_elements()).data(), epilogue.output, bytes);
        epilogue.residual = kept->data();
    }
    const PackedShape packed_as = packed_shape(s);
    const simt::Workspace<T> packed(packed_as.elements());
    pack_weight(s, backward, weight, packed.data());
    const std::int64_t row = s.kernel_height * s.kernel_width * s.in_channels;
    for_each_chunk(s, input, column_bytes, [&](std::int64_t first, std::int64_t pixels, const T* columns) {
        simt::gemm(false, false, pixels, s.out_channels, row, T(1), columns, row,
                   static_cast<const T*>(packed.data()), packed_as.columns, T(0),
                   epilogue.output + first * s.out_channels, s.out_channels);
    });
    constexpr std::int64_t width = simt::Vector<T>::width;
    const std::int64_t vectors = divide_up(s.out_channels, width);
    simt::launch(apply_in_place<T>, dim3(blocks(s.pixels() * vectors)), dim3(threads), 0, s.pixels(), vectors,
                 s.out_channels, epilogue);
}

}  // namespace

void open_cublas() {
    const simt::Workspace<float> number(1);
    simt::gemm<float>(false, false, 1, 1, 0, 1.0f, number.data(), 1, number.data(), 1, 0.0f, number.data(),
                      1);
}

template <class T>
void cublas_forward(const Conv2dShape& s, const Conv2dForward<T>& pass, std::int64_t column_bytes) {
    convolve(s, false, pass.input, pass.weight, epilogue_of(s, pass), column_bytes);
}

template <class T>
void cublas_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<T>& pass,
                           std::int64_t column_bytes) {
    convolve(s.backward(), true, pass.output_gradient, pass.weight, epilogue_of(s, pass), column_bytes);
}

template <class T>
void cublas_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<T>& pass,
                            std::int64_t column_bytes) {
    add_partial_sums(BiasGradient<T>(s, pass).partial_sums());
    if (s.pixels() == 0) return fill(s.weight_elements(), T(0), pass.weight_gradient);
    const std::int64_t row = s.weight_elements() / s.out_channels;
    for_each_chunk(s, pass.input, column_bytes,
                   [&](std::int64_t first, std::int64_t pixels, const T* columns) {
                       simt::gemm(true, false, s.out_channels, row, pixels, static_cast<T>(pass.scale),
                                  pass.output_gradient + first * s.out_channels, s.out_channels, columns, row,
                                  first == 0 ? T(0) : T(1), pass.weight_gradient, row);
                   });
}

#define INSTANTIATE(T)                                                                                    \
    template void cublas_forward(const Conv2dShape&, const Conv2dForward<T>&, std::int64_t);              \
    template void cublas_backward_input(const Conv2dShape&, const Conv2dBackwardInput<T>&, std::int64_t); \
    template void cublas_backward_weight(const Conv2dShape&, const Conv2dBackwardWeight<T>&, std::int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace dnsp::kernels::cuda::detail
