#include "kernels/filter_variance.hpp"

#include <algorithm>
#include <vector>

#include "kernels/multiply_add.hpp"

namespace dnsp::kernels::cpu {
namespace {

/// Planes of one image size, stored as one long row. Each image row is followed by zeros that also serve as
/// the left border of the next row, with rows of zeros above and below. A shift by (y, x) is then a shift by
/// y · step + x, and operations on planes are loops over one row.
struct Geometry {
    std::int64_t frame, step, pixels;

    explicit Geometry(const FilterVarianceShape& s)
        : frame(s.kernel - 1), step(s.width + frame), pixels(s.height * step) {}
};

template <class T>
class Plane {
  public:
    explicit Plane(const Geometry& g)
        : step_(g.step),
          before_(g.frame * g.step + g.frame),
          values_(static_cast<std::size_t>(g.pixels + 2 * before_), T(0)) {}
    T* row(std::int64_t y) { return values_.data() + before_ + y * step_; }
    const T* row(std::int64_t y) const { return values_.data() + before_ + y * step_; }

  private:
    std::int64_t step_, before_;
    std::vector<T> values_;
};

/// Data shared by the filters of an image.
template <class T>
struct Image {
    const FilterVarianceShape& s;
    Geometry geometry;
    std::int64_t first_shift;  // of tap (0, 0), relative to the response
    Plane<T> source, inside;   // inside: 1 where a response exists, else 0

    Image(const FilterVarianceShape& shape, const T* pixels)
        : s(shape), geometry(s), first_shift(0), source(geometry), inside(geometry) {
        if (s.border == Border::zero) first_shift = -(s.kernel / 2) * (geometry.step + 1);
        for (std::int64_t y = 0; y < s.height; ++y) std::copy_n(pixels + y * s.width, s.width, source.row(y));
        for (std::int64_t y = 0; y < s.response_height(); ++y)
            std::fill_n(inside.row(y), s.response_width(), T(1));
    }
    double response_pixels() const { return static_cast<double>(s.response_height() * s.response_width()); }
    /// Calls visit(tap, shift) for every tap.
    template <class Visit>
    void for_each_tap(Visit&& visit) const {
        for (std::int64_t i = 0; i < s.kernel; ++i)
            for (std::int64_t j = 0; j < s.kernel; ++j)
                visit(i * s.kernel + j, first_shift + i * geometry.step + j);
    }
};

/// P[p] = Σ_tap filter[tap] · source[p + shift of the tap]. Returns mean P.
template <class T>
double correlate(const Image<T>& image, const T* filter, Plane<T>& response) {
    const std::int64_t pixels = image.geometry.pixels;
    T* const out = response.row(0);
    std::fill_n(out, pixels, T(0));
    image.for_each_tap([&](std::int64_t tap, std::int64_t shift) {
        const T factor = filter[tap];
        const T* const in = image.source.row(0) + shift;
        for (std::int64_t p = 0; p < pixels; ++p) out[p] = multiply_add(factor, in[p], out[p]);
    });
    const T* const inside = image.inside.row(0);
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t p = 0; p < pixels; ++p)
        sum = multiply_add(static_cast<double>(out[p]), static_cast<double>(inside[p]), sum);
    return sum / image.response_pixels();
}

/// Replaces P by scale · d, d = 2/(n−1)·(P − mean P). Returns var(P).
template <class T>
double variance_and_derivative(const Image<T>& image, double mean, double scale, Plane<T>& response) {
    const std::int64_t pixels = image.geometry.pixels;
    const double n = image.response_pixels(), factor = scale * 2.0 / (n - 1.0);
    const T* const inside = image.inside.row(0);
    T* const values = response.row(0);
    double squares = 0.0;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t p = 0; p < pixels; ++p) {
        const double centred = (static_cast<double>(values[p]) - mean) * inside[p];
        squares = multiply_add(centred, centred, squares);
        values[p] = static_cast<T>(factor * centred);
    }
    return squares / (n - 1.0);
}

/// gradient[p] += Σ_tap filter[tap] · d[p − shift of the tap], the transpose of correlate.
template <class T>
void correlate_transposed(const Image<T>& image, const Plane<T>& d, const T* filter, Plane<T>& gradient) {
    const std::int64_t pixels = image.geometry.pixels;
    T* const out = gradient.row(0);
    image.for_each_tap([&](std::int64_t tap, std::int64_t shift) {
        const T factor = filter[tap];
        const T* const in = d.row(0) - shift;
        for (std::int64_t p = 0; p < pixels; ++p) out[p] = multiply_add(factor, in[p], out[p]);
    });
}

/// Σ_p d[p] · source[p + shift of the tap] for every tap.
template <class T>
void correlate_taps(const Image<T>& image, const Plane<T>& d, double* taps) {
    const std::int64_t pixels = image.geometry.pixels;
    image.for_each_tap([&](std::int64_t tap, std::int64_t shift) {
        const T *const a = d.row(0), *const b = image.source.row(0) + shift;
        double sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (std::int64_t p = 0; p < pixels; ++p)
            sum = multiply_add(static_cast<double>(a[p]), static_cast<double>(b[p]), sum);
        taps[tap] = sum;
    });
}

}  // namespace

template <class T>
void filter_variance(const FilterVarianceShape& s, const T* images, const T* weights, double* value,
                     T* image_gradient, T* filter_gradient) {
    const std::int64_t all_taps = s.filters * s.taps();
    const double scale = 1.0 / static_cast<double>(s.filters);
    std::vector<double> taps(filter_gradient ? static_cast<std::size_t>(s.batch * all_taps) : 0);
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const Image<T> image(s, images + b * s.height * s.width);
        Plane<T> response(image.geometry), gradient(image.geometry);
        double total = 0.0;
        for (std::int64_t f = 0; f < s.filters; ++f) {
            const T* filter = weights + f * s.taps();
            const double mean = correlate(image, filter, response);
            total += scale * variance_and_derivative(image, mean, scale, response);
            correlate_transposed(image, response, filter, gradient);
            if (filter_gradient) correlate_taps(image, response, taps.data() + b * all_taps + f * s.taps());
        }
        value[b] = total;
        for (std::int64_t y = 0; y < s.height; ++y)
            std::copy_n(gradient.row(y), s.width, image_gradient + (b * s.height + y) * s.width);
    }
    if (!filter_gradient) return;
    for (std::int64_t t = 0; t < all_taps; ++t) {
        double sum = 0.0;
        for (std::int64_t b = 0; b < s.batch; ++b) sum += taps[static_cast<std::size_t>(b * all_taps + t)];
        filter_gradient[t] = static_cast<T>(sum);
    }
}

DNSP_INSTANTIATE(filter_variance);

}  // namespace dnsp::kernels::cpu
