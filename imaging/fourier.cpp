#include "imaging/fourier.hpp"

#include <cmath>
#include <unsupported/Eigen/FFT>

#include "base/error.hpp"

namespace dnsp::imaging {
namespace {

using Values = std::vector<std::complex<double>>;

enum class Direction { forward, inverse };

/// Transforms `count` lines of `size` values, `stride` apart, in place. `step` is the distance between the
/// first values of two lines.
void transform_lines(Values& values, int count, std::size_t step, int size, std::size_t stride,
                     Direction direction) {
    if (size == 1) return;  // the identity; Eigen has no plan for it
    Eigen::FFT<double> fft;
    fft.SetFlag(Eigen::FFT<double>::Unscaled);
    const double scale = 1.0 / std::sqrt(static_cast<double>(size));
    Values line(static_cast<std::size_t>(size)), transformed(line.size());
    for (int i = 0; i < count; ++i) {
        const std::size_t first = static_cast<std::size_t>(i) * step;
        for (std::size_t k = 0; k < line.size(); ++k) line[k] = values[first + k * stride];
        if (direction == Direction::forward)
            fft.fwd(transformed.data(), line.data(), size);
        else
            fft.inv(transformed.data(), line.data(), size);
        for (std::size_t k = 0; k < line.size(); ++k) values[first + k * stride] = scale * transformed[k];
    }
}

void transform(ComplexImage& image, Direction direction) {
    const auto width = static_cast<std::size_t>(image.width);
    require(image.height > 0 && image.width > 0 &&
                image.values.size() == width * static_cast<std::size_t>(image.height),
            "image", "has no pixels, or another number of pixels than height × width");
    transform_lines(image.values, image.height, width, image.width, 1, direction);
    transform_lines(image.values, image.width, 1, image.height, width, direction);
}

}  // namespace

ComplexImage fourier_transform(const Image& image) {
    ComplexImage spectrum{image.height, image.width, {image.pixels.begin(), image.pixels.end()}};
    transform(spectrum, Direction::forward);
    return spectrum;
}

ComplexImage inverse_fourier_transform(const ComplexImage& spectrum) {
    ComplexImage image = spectrum;
    transform(image, Direction::inverse);
    return image;
}

}  // namespace dnsp::imaging
