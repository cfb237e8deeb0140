#include <Eigen/Dense>
#include <algorithm>

#include "kernels/conv2d/cpu/im2col.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
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

Matrix columns_of(const Conv2dShape& s, const double* image) {
    Matrix columns = Matrix::Zero(s.height * s.width, s.kernel_height * s.kernel_width * s.in_channels);
    for_each_tap(s, [&](auto pixel, auto column, auto element) { columns(pixel, column) = image[element]; });
    return columns;
}

}  // namespace

void im2col_forward(const Conv2dShape& s, const Conv2dForward<double>& pass) {
    const std::int64_t pixels = s.height * s.width;
    ConstMap filters(pass.weight, s.out_channels, s.weight_elements() / s.out_channels);
    Eigen::Map<const Eigen::RowVectorXd> offsets(pass.bias, s.out_channels);
    for (std::int64_t n = 0; n < s.batch; ++n) {
        const std::int64_t first = n * pixels * s.out_channels;
        Map out(pass.output + first, pixels, s.out_channels);
        out.noalias() = columns_of(s, pass.input + n * pixels * s.in_channels) * filters.transpose();
        out.rowwise() += offsets;
        out *= pass.epilogue.scale;
        if (pass.epilogue.residual) out += ConstMap(pass.epilogue.residual + first, pixels, s.out_channels);
        if (pass.epilogue.activation == Activation::relu) out = (out.array() < 0.0).select(0.0, out);
    }
}

void im2col_backward_input(const Conv2dShape& s, const Conv2dBackwardInput<double>& pass) {
    const std::int64_t pixels = s.height * s.width, elements = pixels * s.in_channels;
    ConstMap filters(pass.weight, s.out_channels, s.weight_elements() / s.out_channels);
    for (std::int64_t n = 0; n < s.batch; ++n) {
        ConstMap gradient(pass.output_gradient + n * pixels * s.out_channels, pixels, s.out_channels);
        const Matrix columns = gradient * filters;
        Eigen::ArrayXd sums = Eigen::ArrayXd::Zero(elements);
        for_each_tap(s,
                     [&](auto pixel, auto column, auto element) { sums[element] += columns(pixel, column); });
        sums *= pass.scale;
        using Image = Eigen::Map<const Eigen::ArrayXd>;
        if (pass.accumulate) sums += Image(pass.accumulate + n * elements, elements);
        if (pass.relu_output)
            sums = (Image(pass.relu_output + n * elements, elements) > 0.0).select(sums, 0.0);
        Eigen::Map<Eigen::ArrayXd>(pass.input_gradient + n * elements, elements) = sums;
    }
}

void im2col_backward_weight(const Conv2dShape& s, const Conv2dBackwardWeight<double>& pass) {
    const std::int64_t pixels = s.height * s.width;
    Map filters(pass.weight_gradient, s.out_channels, s.weight_elements() / s.out_channels);
    Eigen::RowVectorXd offsets = Eigen::RowVectorXd::Zero(s.out_channels);
    filters.setZero();
    for (std::int64_t n = 0; n < s.batch; ++n) {
        ConstMap gradient(pass.output_gradient + n * pixels * s.out_channels, pixels, s.out_channels);
        filters.noalias() += gradient.transpose() * columns_of(s, pass.input + n * pixels * s.in_channels);
        offsets += gradient.colwise().sum();
    }
    filters *= pass.scale;
    if (pass.bias_gradient)
        Eigen::Map<Eigen::RowVectorXd>(pass.bias_gradient, s.out_channels) = pass.scale * offsets;
}

}  // namespace dnsp::kernels::cpu::detail
