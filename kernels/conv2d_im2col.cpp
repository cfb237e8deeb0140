// im2col and a matrix product, image by image: all of the double precision convolution behind the gradient
// checks, and the float32 forward pass where oneDNN cannot be trusted.
#include <Eigen/Dense>
#include <algorithm>
#include <vector>

#include "kernels/conv2d_im2col.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

template <class T>
using MatrixOf = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Matrix = MatrixOf<double>;
using ConstMap = Eigen::Map<const Matrix>;
using Map = Eigen::Map<Matrix>;

/// Calls visit(pixel, column, input element) for every pair of output pixel and kernel tap inside the image.
template <class Visit>
void for_each_tap(const Conv2dShape& s, Visit&& visit) {
    for (std::int64_t y = 0; y < s.height; ++y)
        for (std::int64_t x = 0; x < s.width; ++x)
            for (std::int64_t i = 0; i < s.kernel_height; ++i)
                for (std::int64_t j = 0; j < s.kernel_width; ++j) {
                    const std::int64_t sy = y + i - s.kernel_height / 2, sx = x + j - s.kernel_width / 2;
                    if (sy < 0 || sy >= s.height || sx < 0 || sx >= s.width) continue;
                    for (std::int64_t c = 0; c < s.in_channels; ++c)
                        visit(y * s.width + x, (i * s.kernel_width + j) * s.in_channels + c,
                              (sy * s.width + sx) * s.in_channels + c);
                }
}

template <class T>
MatrixOf<T> columns_of(const Conv2dShape& s, const T* image) {
    MatrixOf<T> columns =
        MatrixOf<T>::Zero(s.height * s.width, s.kernel_height * s.kernel_width * s.in_channels);
    for_each_tap(s, [&](auto pixel, auto column, auto element) { columns(pixel, column) = image[element]; });
    return columns;
}

}  // namespace

template <class T>
void im2col_forward(const Conv2dShape& s, const T* input, const T* weight, const T* bias,
                    Activation activation, T* output) {
    const std::int64_t pixels = s.height * s.width;
    Eigen::Map<const MatrixOf<T>> filters(weight, s.out_channels, s.weight_elements() / s.out_channels);
    Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>> offsets(bias, s.out_channels);
    for (std::int64_t n = 0; n < s.batch; ++n) {
        Eigen::Map<MatrixOf<T>> out(output + n * pixels * s.out_channels, pixels, s.out_channels);
        out.noalias() = columns_of(s, input + n * pixels * s.in_channels) * filters.transpose();
        out.rowwise() += offsets;
        if (activation == Activation::relu) out = out.cwiseMax(T(0));
    }
}
template void im2col_forward<float>(const Conv2dShape&, const float*, const float*, const float*, Activation,
                                    float*);

template void im2col_forward<double>(const Conv2dShape&, const double*, const double*, const double*,
                                     Activation, double*);

void im2col_backward_input(const Conv2dShape& s, const double* output_gradient, const double* weight,
                           double* input_gradient) {
    const std::int64_t pixels = s.height * s.width;
    ConstMap filters(weight, s.out_channels, s.weight_elements() / s.out_channels);
    for (std::int64_t n = 0; n < s.batch; ++n) {
        ConstMap gradient(output_gradient + n * pixels * s.out_channels, pixels, s.out_channels);
        const Matrix columns = gradient * filters;
        double* image = input_gradient + n * pixels * s.in_channels;
        std::fill(image, image + pixels * s.in_channels, 0.0);
        for_each_tap(
            s, [&](auto pixel, auto column, auto element) { image[element] += columns(pixel, column); });
    }
}

void im2col_backward_weight(const Conv2dShape& s, const double* input, const double* output_gradient,
                            double* weight_gradient, double* bias_gradient) {
    const std::int64_t pixels = s.height * s.width;
    Map filters(weight_gradient, s.out_channels, s.weight_elements() / s.out_channels);
    Eigen::Map<Eigen::RowVectorXd> offsets(bias_gradient, s.out_channels);
    filters.setZero();
    offsets.setZero();
    for (std::int64_t n = 0; n < s.batch; ++n) {
        ConstMap gradient(output_gradient + n * pixels * s.out_channels, pixels, s.out_channels);
        filters.noalias() += gradient.transpose() * columns_of(s, input + n * pixels * s.in_channels);
        offsets += gradient.colwise().sum();
    }
}

}  // namespace dnsp::kernels::cpu::detail
