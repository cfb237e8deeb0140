#include "kernels/filter_variance.hpp"

#include <algorithm>
#include <vector>

namespace dnsp::kernels::cpu {
namespace {

/// A dense array of rows of one image.
template <class T>
struct Plane {
    std::int64_t height, width;
    std::vector<T> values;
    Plane(std::int64_t h, std::int64_t w)
        : height(h), width(w), values(static_cast<std::size_t>(h * w), T(0)) {}
    T* row(std::int64_t y) { return values.data() + y * width; }
    const T* row(std::int64_t y) const { return values.data() + y * width; }
};

/// The image with the frame of zeros that Border::zero asks for.
template <class T>
Plane<T> framed(const FilterVarianceShape& s, const T* image) {
    const std::int64_t frame = s.border == Border::zero ? s.kernel / 2 : 0;
    Plane<T> plane(s.height + 2 * frame, s.width + 2 * frame);
    for (std::int64_t y = 0; y < s.height; ++y)
        std::copy_n(image + y * s.width, s.width, plane.row(y + frame) + frame);
    return plane;
}

template <class T>
void correlate(const Plane<T>& source, const T* filter, std::int64_t kernel, Plane<T>& response) {
    std::fill(response.values.begin(), response.values.end(), T(0));
    for (std::int64_t y = 0; y < response.height; ++y)
        for (std::int64_t i = 0; i < kernel; ++i)
            for (std::int64_t j = 0; j < kernel; ++j) {
                const T tap = filter[i * kernel + j];
                const T* in = source.row(y + i) + j;
                T* out = response.row(y);
                for (std::int64_t x = 0; x < response.width; ++x) out[x] += tap * in[x];
            }
}

/// Turns P into scale · d, d = 2/(n−1)·(P − mean P); returns var(P).
template <class T>
double variance_and_derivative(Plane<T>& response, double scale) {
    const double n = static_cast<double>(response.values.size());
    double mean = 0.0;
    for (T p : response.values) mean += p;
    mean /= n;
    double squares = 0.0;
    const double factor = scale * 2.0 / (n - 1.0);
    for (T& p : response.values) {
        const double centred = p - mean;
        squares += centred * centred;
        p = static_cast<T>(factor * centred);
    }
    return squares / (n - 1.0);
}

/// The transpose of correlate, accumulated.
template <class T>
void scatter(const Plane<T>& d, const T* filter, std::int64_t kernel, Plane<T>& gradient) {
    for (std::int64_t y = 0; y < d.height; ++y)
        for (std::int64_t i = 0; i < kernel; ++i)
            for (std::int64_t j = 0; j < kernel; ++j) {
                const T tap = filter[i * kernel + j];
                const T* in = d.row(y);
                T* out = gradient.row(y + i) + j;
                for (std::int64_t x = 0; x < d.width; ++x) out[x] += tap * in[x];
            }
}

/// Σ_yx d[y,x] · source[y+i, x+j] for every tap.
template <class T>
void correlate_taps(const Plane<T>& d, const Plane<T>& source, std::int64_t kernel, double* taps) {
    for (std::int64_t i = 0; i < kernel; ++i)
        for (std::int64_t j = 0; j < kernel; ++j) {
            double sum = 0.0;
            for (std::int64_t y = 0; y < d.height; ++y) {
                const T* a = d.row(y);
                const T* b = source.row(y + i) + j;
                double row = 0.0;
#pragma omp simd reduction(+ : row)
                for (std::int64_t x = 0; x < d.width; ++x) row += static_cast<double>(a[x]) * b[x];
                sum += row;
            }
            taps[i * kernel + j] = sum;
        }
}

}  // namespace

template <class T>
void filter_variance(const FilterVarianceShape& s, const T* images, const T* weights, double* value,
                     T* image_gradient, T* filter_gradient) {
    const std::int64_t frame = s.border == Border::zero ? s.kernel / 2 : 0;
    const std::int64_t all_taps = s.filters * s.taps();
    const double scale = 1.0 / static_cast<double>(s.filters);
    std::vector<double> taps(filter_gradient ? static_cast<std::size_t>(s.batch * all_taps) : 0);
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < s.batch; ++b) {
        const Plane<T> source = framed(s, images + b * s.height * s.width);
        Plane<T> gradient(source.height, source.width);
        Plane<T> response(s.response_height(), s.response_width());
        double total = 0.0;
        for (std::int64_t f = 0; f < s.filters; ++f) {
            const T* filter = weights + f * s.taps();
            correlate(source, filter, s.kernel, response);
            total += scale * variance_and_derivative(response, scale);
            scatter(response, filter, s.kernel, gradient);
            if (filter_gradient)
                correlate_taps(response, source, s.kernel, taps.data() + b * all_taps + f * s.taps());
        }
        value[b] = total;
        for (std::int64_t y = 0; y < s.height; ++y)
            std::copy_n(gradient.row(y + frame) + frame, s.width,
                        image_gradient + (b * s.height + y) * s.width);
    }
    if (!filter_gradient) return;
    for (std::int64_t t = 0; t < all_taps; ++t) {
        double sum = 0.0;
        for (std::int64_t b = 0; b < s.batch; ++b) sum += taps[static_cast<std::size_t>(b * all_taps + t)];
        filter_gradient[t] = static_cast<T>(sum);
    }
}

template void filter_variance<float>(const FilterVarianceShape&, const float*, const float*, double*, float*,
                                     float*);
template void filter_variance<double>(const FilterVarianceShape&, const double*, const double*, double*,
                                      double*, double*);

}  // namespace dnsp::kernels::cpu
