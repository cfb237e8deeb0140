#include "kernels/conv2d_single_output.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <vector>

namespace dnsp::kernels::cpu::detail {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const Matrix>;

/// Rows of an image that are worked on at a time: Z stays in the second-level cache. A fixed number, so that
/// an output pixel is summed in the same order whatever the image's height.
constexpr std::int64_t strip_rows = 16;

/// z = filter · pixelsᵀ, in products of one size: a pixel's bits must not depend on where it lies or on how
/// many others there are, and the order in which Eigen sums a product depends on the product's size. 48
/// pixels fill three vector registers of SSE, AVX and AVX-512.
void multiply_taps(const ConstMap& filter, const ConstMap& pixels, Matrix& z) {
    constexpr Eigen::Index block = 48;
    z.resize(filter.rows(), pixels.rows());
    Matrix padded = Matrix::Zero(block, pixels.cols()), product(filter.rows(), block);
    for (Eigen::Index begin = 0; begin < pixels.rows(); begin += block) {
        const Eigen::Index count = std::min(block, pixels.rows() - begin);
        padded.topRows(count) = pixels.middleRows(begin, count);
        product.noalias() = filter * padded.transpose();
        z.middleCols(begin, count) = product.leftCols(count);
    }
}

/// A tap's displacement and the output columns whose source column lies inside the image.
struct Tap {
    std::int64_t dy, dx, first, end;
    Tap(const Conv2dShape& s, std::int64_t tap)
        : dy(tap / s.kernel_width - s.kernel_height / 2),
          dx(tap % s.kernel_width - s.kernel_width / 2),
          first(std::max<std::int64_t>(0, -dx)),
          end(std::min(s.width, s.width - dx)) {}
};

}  // namespace

bool has_single_output(const Conv2dShape& s) {
    return s.out_channels == 1 && s.in_channels >= 8 && s.kernel_width > 1;
}

void single_output_forward(const Conv2dShape& s, const float* input, const float* weight, const float* bias,
                           Activation activation, float* output) {
    const std::int64_t taps = s.kernel_height * s.kernel_width;
    const std::int64_t strips = (s.height + strip_rows - 1) / strip_rows;
    const ConstMap filter(weight, taps, s.in_channels);
#pragma omp parallel
    {
        Matrix z;
#pragma omp for collapse(2) schedule(static)
        for (std::int64_t n = 0; n < s.batch; ++n)
            for (std::int64_t strip = 0; strip < strips; ++strip) {
                const std::int64_t begin = strip * strip_rows, end = std::min(s.height, begin + strip_rows);
                const std::int64_t top = std::max<std::int64_t>(0, begin - s.kernel_height / 2);
                const std::int64_t bottom = std::min(s.height, end + s.kernel_height / 2);
                const ConstMap rows(input + (n * s.height + top) * s.width * s.in_channels,
                                    (bottom - top) * s.width, s.in_channels);
                multiply_taps(filter, rows, z);
                for (std::int64_t y = begin; y < end; ++y) {
                    float* out = output + (n * s.height + y) * s.width;
                    std::fill_n(out, s.width, bias[0]);
                    for (std::int64_t t = 0; t < taps; ++t) {
                        const Tap tap(s, t);
                        const std::int64_t source = y + tap.dy;
                        if (source < 0 || source >= s.height) continue;
                        const float* in = z.data() + t * z.cols() + (source - top) * s.width + tap.dx;
                        for (std::int64_t x = tap.first; x < tap.end; ++x) out[x] += in[x];
                    }
                    if (activation == Activation::relu)
                        for (std::int64_t x = 0; x < s.width; ++x) out[x] = std::max(out[x], 0.0f);
                }
            }
    }
}

void single_output_backward_weight(const Conv2dShape& s, const float* input, const float* output_gradient,
                                   float* weight_gradient, float* bias_gradient) {
    const std::int64_t taps = s.kernel_height * s.kernel_width, pixels = s.height * s.width;
    // One partial sum an image, added in the order of the images whatever the number of threads.
    std::vector<Matrix> partial(static_cast<std::size_t>(s.batch));
    std::vector<double> partial_bias(static_cast<std::size_t>(s.batch));
#pragma omp parallel
    {
        Matrix shifted(taps, pixels);
#pragma omp for schedule(static)
        for (std::int64_t n = 0; n < s.batch; ++n) {
            const float* gradient = output_gradient + n * pixels;
            shifted.setZero();
            for (std::int64_t t = 0; t < taps; ++t) {
                const Tap tap(s, t);
                for (std::int64_t y = 0; y < s.height; ++y) {
                    const std::int64_t source = y + tap.dy;
                    if (source < 0 || source >= s.height || tap.first >= tap.end) continue;
                    std::copy_n(gradient + y * s.width + tap.first, tap.end - tap.first,
                                shifted.data() + t * pixels + source * s.width + tap.first + tap.dx);
                }
            }
            const auto i = static_cast<std::size_t>(n);
            partial[i].noalias() =
                shifted * ConstMap(input + n * pixels * s.in_channels, pixels, s.in_channels);
            partial_bias[i] = 0.0;
            for (std::int64_t p = 0; p < pixels; ++p) partial_bias[i] += gradient[p];
        }
    }
    Eigen::Map<Matrix> sum(weight_gradient, taps, s.in_channels);
    sum.setZero();
    double bias = 0.0;
    for (std::size_t i = 0; i < partial.size(); ++i) {
        sum += partial[i];
        bias += partial_bias[i];
    }
    bias_gradient[0] = static_cast<float>(bias);
}

}  // namespace dnsp::kernels::cpu::detail
