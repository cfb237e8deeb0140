#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/classical/srsw_database.hpp"

namespace dnsp::classical {

/// A row of a matrix and its squared Euclidean distance.
struct Neighbour {
    double squared_distance;
    std::uint32_t index;
    auto operator<=>(const Neighbour&) const = default;
};

/// A k-d tree over the rows of a matrix (nanoflann).
class NearestPatches {
  public:
    /// `rows` must outlive the object and hold fewer than 2³² rows.
    explicit NearestPatches(const PatchMatrix& rows);
    ~NearestPatches();
    NearestPatches(const NearestPatches&) = delete;
    NearestPatches& operator=(const NearestPatches&) = delete;

    /// The `count` nearest rows, in the order of (distance, index); of rows at one distance, those with the
    /// smallest indices. Throws Error unless 1 ≤ count ≤ rows. Several threads may call it.
    void find(std::span<const double> query, std::size_t count, std::vector<Neighbour>& neighbours) const;

  private:
    struct Tree;
    std::unique_ptr<Tree> tree_;
};

}  // namespace dnsp::classical
