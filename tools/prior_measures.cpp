#include "tools/prior_measures.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>

#include "base/error.hpp"
#include "imaging/resample.hpp"
#include "priors/filter_bank.hpp"
#include "priors/learned_sharpness.hpp"

extern template class Eigen::BDCSVD<Eigen::MatrixXd>;  // compiled in kernels/low_rank/svd.cpp
extern template class Eigen::JacobiSVD<Eigen::MatrixXd>;

namespace dnsp::tools {
namespace {

constexpr int spectrum_size = 65;  // pixels of a drawn frequency response, odd: the middle is frequency 0

Eigen::MatrixXd matrix_of(const imaging::Image& image) {
    using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const RowMajor>(image.pixels.data(), image.height, image.width).cast<double>();
}

}  // namespace

RankSpectrum rank_spectrum(const imaging::Image& image, double delta) {
    require(delta > 0.0, "[rank] δ must be positive");
    const Eigen::MatrixXd matrix = matrix_of(image);
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix);
    const Eigen::VectorXd& sigma = svd.singularValues();
    RankSpectrum spectrum;
    spectrum.singular_values.assign(sigma.begin(), sigma.end());
    spectrum.psnr_db.resize(spectrum.singular_values.size());
    double tail = 0.0;
    for (std::size_t k = spectrum.psnr_db.size(); k-- > 0;) {
        spectrum.psnr_db[k] = 10.0 * std::log10(static_cast<double>(matrix.size()) / tail);
        tail += spectrum.singular_values[k] * spectrum.singular_values[k];
    }
    for (const double s : spectrum.singular_values)
        spectrum.surrogate -= std::expm1(-s * s / (2.0 * delta * delta));
    return spectrum;
}

imaging::Image approximation_of_rank(const imaging::Image& image, int rank) {
    require(rank >= 1 && rank <= std::min(image.height, image.width), "[rank] is out of range");
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix_of(image), Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Eigen::MatrixXd product = svd.matrixU().leftCols(rank) *
                                    svd.singularValues().head(rank).asDiagonal() *
                                    svd.matrixV().leftCols(rank).transpose();
    imaging::Image out(image.height, image.width);
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x) out.at(y, x) = static_cast<float>(product(y, x));
    return out;
}

imaging::Image cropped_to_foreground(const imaging::Image& image, float threshold) {
    int top = image.height, bottom = -1, left = image.width, right = -1;
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
            if (image.at(y, x) > threshold) {
                top = std::min(top, y);
                bottom = std::max(bottom, y);
                left = std::min(left, x);
                right = std::max(right, x);
            }
    require(bottom >= 0, "[crop] the slice has no foreground");
    return imaging::crop(image, top, left, bottom - top + 1, right - left + 1);
}

imaging::Image gaussian_blurred(const imaging::Image& image, double sigma) {
    if (sigma == 0.0) return image;
    const double support = std::floor(4.0 * sigma + 0.5) + 0.5;
    const auto blur = [&](int size) {
        return imaging::make_resampler(
            size, size, [](int k) { return k; },
            [=](double d) { return std::exp(-0.5 * d * d / (sigma * sigma)); }, support);
    };
    return imaging::resample(image, blur(image.height), blur(image.width));
}

double laplacian_variance(const imaging::Image& image) {
    const Tensor pixels = Tensor::from<float>({1, image.height, image.width, 1}, image.pixels, Device{});
    const std::vector<double> taps = laplacian(0.25);
    const Tensor filter =
        Tensor::from<float>({1, 3, 3}, std::vector<float>(taps.begin(), taps.end()), Device{});
    return learned_sharpness(pixels, filter, Border::valid).values.to_vector<double>().front();
}

FilterResponse filter_response(const imaging::Image& image, const std::string& name,
                               const std::vector<double>& taps) {
    require(taps.size() == 9 && image.height >= 3 && image.width >= 3,
            "[filters] a filter has 3×3 taps, and a slice at least 3×3 pixels");
    FilterResponse out{.name = name, .taps = taps, .deviation = {}, .spectrum = {}};
    for (const double tap : taps) {
        out.norm += tap * tap;
        out.sum += tap;
    }
    out.norm = std::sqrt(out.norm);
    out.deviation = imaging::Image(image.height - 2, image.width - 2);
    double mean = 0.0;
    for (int y = 0; y < out.deviation.height; ++y)
        for (int x = 0; x < out.deviation.width; ++x) {
            double response = 0.0;
            for (int t = 0; t < 9; ++t) response += taps[t] * image.at(y + t / 3, x + t % 3);
            out.deviation.at(y, x) = static_cast<float>(response);
            mean += response / static_cast<double>(out.deviation.pixels.size());
        }
    for (float& value : out.deviation.pixels) value = std::abs(value - static_cast<float>(mean));
    out.spectrum = imaging::Image(spectrum_size, spectrum_size);
    for (int v = 0; v < spectrum_size; ++v)
        for (int u = 0; u < spectrum_size; ++u) {
            const double fy = static_cast<double>(v) / (spectrum_size - 1) - 0.5,
                         fx = static_cast<double>(u) / (spectrum_size - 1) - 0.5;
            std::complex<double> sum = 0.0;
            for (int t = 0; t < 9; ++t)
                sum += taps[t] * std::polar(1.0, -2.0 * std::numbers::pi * (fy * (t / 3) + fx * (t % 3)));
            out.spectrum.at(v, u) = static_cast<float>(std::abs(sum));
        }
    return out;
}

}  // namespace dnsp::tools
