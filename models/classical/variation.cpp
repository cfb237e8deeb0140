#include "models/classical/variation.hpp"

#include <algorithm>
#include <cmath>

namespace dnsp::classical {
namespace {

using Eigen::Index;
using imaging::Plane;

/// A line of `size` samples, `stride` apart.
struct Line {
    const double* first;
    Index size, stride;
    double operator[](Index i) const { return first[i * stride]; }
};

double central_difference(const Line& f, Index i) {
    const Index before = std::max<Index>(i - 1, 0), after = std::min(i + 1, f.size - 1);
    return after > before ? (f[after] - f[before]) / static_cast<double>(after - before) : 0.0;
}

double second_difference(const Line& f, Index i) {
    if (i + 1 == f.size) return 0.0;
    return (f[i + 1] - f[i]) - (i > 0 ? f[i] - f[i - 1] : 0.0);
}

Line row(const Plane& f, Index y) { return {f.data() + y * f.cols(), f.cols(), 1}; }
Line column(const Plane& f, Index x) { return {f.data() + x, f.rows(), f.cols()}; }

Plane horizontal_difference(const Plane& f) {
    Plane difference(f.rows(), f.cols());
    for (Index y = 0; y < f.rows(); ++y)
        for (Index x = 0; x < f.cols(); ++x) difference(y, x) = central_difference(row(f, y), x);
    return difference;
}

}  // namespace

Plane total_variation_descent(const Plane& f, double e) {
    Plane descent = Plane::Zero(f.rows(), f.cols());
    for (Index y = 0; y < f.rows(); ++y)
        for (Index x = 0; x < f.cols(); ++x) {
            const double down = y + 1 < f.rows() ? f(y + 1, x) - f(y, x) : 0.0;
            const double right = x + 1 < f.cols() ? f(y, x + 1) - f(y, x) : 0.0;
            const double norm = std::sqrt(down * down + right * right + e);
            descent(y, x) += (down + right) / norm;
            if (y + 1 < f.rows()) descent(y + 1, x) -= down / norm;
            if (x + 1 < f.cols()) descent(y, x + 1) -= right / norm;
        }
    return descent;
}

Plane curvature(const Plane& f, double e) {
    const Plane horizontal = horizontal_difference(f);
    Plane kappa(f.rows(), f.cols());
    for (Index y = 0; y < f.rows(); ++y)
        for (Index x = 0; x < f.cols(); ++x) {
            const double ux = horizontal(y, x), uy = central_difference(column(f, x), y);
            const double uxx = second_difference(row(f, y), x), uyy = second_difference(column(f, x), y);
            const double uxy = central_difference(column(horizontal, x), y);
            const double squared_norm = ux * ux + uy * uy + e;
            kappa(y, x) = (uxx * (uy * uy + e) - 2 * uxy * ux * uy + uyy * (ux * ux + e)) /
                          (squared_norm * std::sqrt(squared_norm));
        }
    return kappa;
}

double toolbox_variation(const Plane& f, double e) {
    const Plane horizontal = horizontal_difference(f);
    double sum = 0.0;
    for (Index y = 0; y < f.rows(); ++y)
        for (Index x = 0; x < f.cols(); ++x) {
            const double ux = horizontal(y, x), uy = central_difference(column(f, x), y);
            sum += std::sqrt(e * e + ux * ux) + std::sqrt(e * e + uy * uy);
        }
    return sum;
}

}  // namespace dnsp::classical
