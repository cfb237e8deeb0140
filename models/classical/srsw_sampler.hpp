#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "models/classical/srsw_database.hpp"

namespace dnsp::classical {

/// Chooses the pairs of a database from training slices: at most `pairs`, uniformly among the patches whose
/// low-resolution maximum exceeds .1 (foreground). Each candidate has a random number, a pure function of
/// (seed, volume, slice, pixel), and those with the smallest are kept. So the choice does not depend on the
/// order of the slices.
class SrswSampler {
  public:
    SrswSampler(PatchGeometry geometry, std::int64_t pairs, std::uint64_t seed);

    /// A slice in normalised intensities. `volume` and `slice` identify it. Throws Error unless `high` is
    /// `scale` times as large as `low`.
    void add(std::uint32_t volume, std::uint32_t slice, const imaging::Image& low,
             const imaging::Image& high);

    /// Foreground patches seen so far.
    std::int64_t candidates() const { return candidates_; }

    /// The pairs in the order of (volume, slice, pixel). Throws Error if there is none.
    void finish(SrswDatabase& database);

  private:
    struct Candidate {
        std::uint64_t random;
        std::uint32_t volume, slice, pixel;
        std::vector<float> values;  ///< low-resolution patch, then the high-resolution patch
    };
    void discard_surplus();

    PatchGeometry geometry_;
    std::size_t pairs_;
    std::uint64_t seed_;
    std::int64_t candidates_ = 0;
    std::uint64_t largest_random_ = ~std::uint64_t{0};  ///< candidates above it are not among the smallest
    std::vector<Candidate> kept_;
};

}  // namespace dnsp::classical
