#include "models/classical/nearest_patches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nanoflann.hpp>

#include "base/error.hpp"

namespace dnsp::classical {
namespace {

constexpr std::size_t points_per_leaf = 32;  // half the search time of nanoflann's default of 10

/// The rows as nanoflann reads them.
struct Rows {
    const PatchMatrix& matrix;
    std::size_t kdtree_get_point_count() const { return static_cast<std::size_t>(matrix.rows()); }
    double kdtree_get_pt(std::uint32_t row, std::size_t column) const {
        return matrix(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(column));
    }
    template <class Box>
    bool kdtree_get_bbox(Box&) const {
        return false;  // the tree computes it
    }
};

/// The smallest neighbours by (distance, index). nanoflann's own sets drop points at the distance of the last
/// one.
class SmallestNeighbours {
  public:
    using DistanceType = double;
    SmallestNeighbours(std::size_t count, std::vector<Neighbour>& found) : count_(count), found_(found) {
        found_.clear();
    }
    bool full() const { return found_.size() == count_; }
    bool addPoint(double squared_distance, std::uint32_t index) {
        const Neighbour neighbour{squared_distance, index};
        if (full() && !(neighbour < found_.back())) return true;
        found_.insert(std::upper_bound(found_.begin(), found_.end(), neighbour), neighbour);
        if (found_.size() > count_) found_.pop_back();
        return true;
    }
    void sort() const {}  // nanoflann 1.5 calls it; the neighbours are sorted
    /// Slightly larger than the last distance, so that points at the same distance are offered as well.
    double worstDist() const {
        return full() ? found_.back().squared_distance * (1.0 + 1e-9) + std::numeric_limits<double>::min()
                      : std::numeric_limits<double>::max();
    }

  private:
    std::size_t count_;
    std::vector<Neighbour>& found_;
};

using Index = nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<double, Rows, double>, Rows,
                                                  -1, std::uint32_t>;

}  // namespace

struct NearestPatches::Tree {
    explicit Tree(const PatchMatrix& matrix)
        : rows{matrix},
          index(static_cast<std::int32_t>(matrix.cols()), rows,
                nanoflann::KDTreeSingleIndexAdaptorParams(points_per_leaf)) {}
    Rows rows;
    Index index;
};

NearestPatches::NearestPatches(const PatchMatrix& rows) : tree_(std::make_unique<Tree>(rows)) {
    tree_->index.buildIndex();
}

NearestPatches::~NearestPatches() = default;

void NearestPatches::find(std::span<const double> query, std::size_t count,
                          std::vector<Neighbour>& neighbours) const {
    const PatchMatrix& matrix = tree_->rows.matrix;
    require(count >= 1 && count <= static_cast<std::size_t>(matrix.rows()) &&
                query.size() == static_cast<std::size_t>(matrix.cols()),
            fmt::format("[nearest_patches] cannot find {} of {} rows", count, matrix.rows()));
    SmallestNeighbours smallest(count, neighbours);
    tree_->index.findNeighbors(smallest, query.data(), {});
}

}  // namespace dnsp::classical
