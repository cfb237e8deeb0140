#pragma once

#include <array>

#include "base/philox.hpp"
#include "imaging/image.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// A smooth multiplicative field, as the sensitivity of receiver coils gives (the "bias field"):
///   exp(s·p(u, v, w)),   p = Σ c_ijk cos(πiu) cos(πjv) cos(πkw) / Σ|c_ijk|,   1 ≤ i + j + k ≤ 2
/// u, v, w in [0, 1] run along the storage axes. The c are standard normal, so that |p| ≤ 1.
class BiasField {
  public:
    /// `strength`: s; the field lies between exp(−s) and exp(s).
    BiasField(double strength, const Philox& random);

    double at(double u, double v, double w) const;

    /// The cosines of orders 0 … 2 at a place in [0, 1] of an axis.
    using Cosines = std::array<double, 3>;
    static Cosines cosines(double place);
    double at(const Cosines& u, const Cosines& v, const Cosines& w) const;

  private:
    static constexpr std::size_t terms = 9;
    double strength_;
    std::array<double, terms> coefficients_{};
};

/// Multiplies voxels by the field at their middles.
void multiply(Volume& volume, const BiasField& field);
/// As a slice in the middle of a volume: u along columns, v along rows, w = 1/2.
void multiply(Image& image, const BiasField& field);

}  // namespace dnsp::imaging
