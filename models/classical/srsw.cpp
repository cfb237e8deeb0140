#include "models/classical/srsw.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "imaging/resample.hpp"
#include "models/classical/back_projection.hpp"
#include "models/classical/fnnls.hpp"
#include "models/classical/method.hpp"

namespace dnsp::classical {
namespace {

/// Patches with a smaller maximum are background.
constexpr float foreground = 0.05f;
constexpr double min_norm = 1e-3;

PatchMatrix searched_patches(const SrswDatabase& database, const SrswOptions& options,
                             const Eigen::VectorXd& norm) {
    PatchMatrix patches = database.low;
    // The multiplicative updates need products that are not negative.
    if (options.solver == SrswOptions::Solver::multiplicative) patches = patches.cwiseMax(0.0f);
    if (options.normalise)
        for (Eigen::Index i = 0; i < patches.rows(); ++i)
            patches.row(i) = (patches.row(i).cast<double>() / norm[i]).cast<float>();
    return patches;
}

}  // namespace

void SrswOptions::visit(OptionVisitor& v) {
    v.option({.key = "database", .help = "file of train_srsw (required)"}, database);
    v.option({.key = "candidates", .help = "nearest patches that are combined", .range = Range::positive},
             candidates);
    v.option({.key = "lambda", .help = "penalty on dissimilar patches", .range = Range::non_negative},
             lambda);
    v.option({.key = "back_projections",
              .help = "back-projections at the end, which tell the method the degradation",
              .range = Range::non_negative},
             back_projections);
    v.option({.key = "solver", .help = "exact active set, or multiplicative updates that converge slowly"},
             solver, {{"exact", Solver::exact}, {"multiplicative", Solver::multiplicative}});
    v.option({.key = "updates", .help = "number of multiplicative updates", .range = Range::positive},
             updates);
    v.option({.key = "normalise", .help = "scale patches to one norm before they are compared"}, normalise);
}

Eigen::VectorXd similarity_weights(const Eigen::MatrixXd& candidates, const Eigen::VectorXd& y) {
    const Eigen::VectorXd squared = (candidates.rowwise() - y.transpose()).rowwise().squaredNorm();
    const double mean = squared.mean();
    return mean > 0.0 ? Eigen::VectorXd(squared / mean) : Eigen::VectorXd::Zero(squared.size());
}

Eigen::VectorXd srsw_coefficients(const Eigen::MatrixXd& candidates, const Eigen::VectorXd& y,
                                  const SrswOptions& options) {
    const Eigen::MatrixXd gram = candidates * candidates.transpose();
    const Eigen::VectorXd linear = candidates * y - options.lambda * similarity_weights(candidates, y);
    return options.solver == SrswOptions::Solver::exact ? solve_nonnegative(gram, linear)
                                                        : multiply_nonnegative(gram, linear, options.updates);
}

struct Srsw::Buffers {
    std::vector<Neighbour> neighbours;
    Eigen::MatrixXd candidates;
    Eigen::VectorXd y, query;
    Eigen::VectorXd estimated;
};

Srsw::Srsw(SrswDatabase database, const SrswOptions& options)
    : database_(std::move(database)),
      options_(options),
      norm_(database_.low.cast<double>().rowwise().norm().cwiseMax(min_norm)),
      searched_(searched_patches(database_, options_, norm_)),
      nearest_(searched_) {
    require(database_.low.rows() >= options_.candidates,
            fmt::format("[srsw] the database has {} pairs, fewer than {} candidates", database_.low.rows(),
                        options_.candidates));
}

void Srsw::estimate(std::span<const float> patch, std::span<float> estimated, Buffers& b) const {
    b.y = Eigen::Map<const Eigen::VectorXf>(patch.data(), static_cast<Eigen::Index>(patch.size()))
              .cast<double>();
    if (options_.solver == SrswOptions::Solver::multiplicative) b.y = b.y.cwiseMax(0.0);
    const double norm = std::max(b.y.norm(), min_norm);
    b.query = options_.normalise ? Eigen::VectorXd(b.y / norm) : b.y;
    nearest_.find({b.query.data(), static_cast<std::size_t>(b.query.size())},
                  static_cast<std::size_t>(options_.candidates), b.neighbours);
    b.candidates.resize(options_.candidates, b.y.size());
    for (Eigen::Index j = 0; j < options_.candidates; ++j) {
        const Neighbour& neighbour = b.neighbours[static_cast<std::size_t>(j)];
        b.candidates.row(j) = searched_.row(neighbour.index).cast<double>();
    }
    if (options_.normalise) b.candidates *= norm;
    const Eigen::VectorXd alpha = srsw_coefficients(b.candidates, b.y, options_);
    b.estimated.setZero(database_.high.cols());
    for (Eigen::Index j = 0; j < options_.candidates; ++j) {
        if (alpha[j] == 0.0) continue;
        const Eigen::Index row = b.neighbours[static_cast<std::size_t>(j)].index;
        const double factor = options_.normalise ? alpha[j] * norm / norm_[row] : alpha[j];
        b.estimated += factor * database_.high.row(row).cast<double>().transpose();
    }
    std::copy(b.estimated.begin(), b.estimated.end(), estimated.begin());
}

imaging::Image Srsw::enlarge(const imaging::Image& low) const {
    const PatchGeometry geometry = database_.geometry();
    const auto low_size = static_cast<std::size_t>(geometry.low_size());
    const auto high_size = static_cast<std::size_t>(geometry.high_size());
    std::vector<int> pixels;  // with a foreground patch
    std::vector<float> patches;
    std::vector<float> patch(low_size);
    for (int y = 0; y < low.height; ++y)
        for (int x = 0; x < low.width; ++x) {
            low_patch(low, geometry, y, x, patch);
            if (*std::max_element(patch.begin(), patch.end()) <= foreground) continue;
            pixels.push_back(y * low.width + x);
            patches.insert(patches.end(), patch.begin(), patch.end());
        }
    std::vector<float> estimates(pixels.size() * high_size);
#pragma omp parallel
    {
        Buffers buffers;
#pragma omp for schedule(dynamic, 64)
        for (std::size_t i = 0; i < pixels.size(); ++i)
            estimate(std::span(patches).subspan(i * low_size, low_size),
                     std::span(estimates).subspan(i * high_size, high_size), buffers);
    }

    imaging::Image result = imaging::enlarge_bicubic(low, geometry.scale, database_.degradation.phase);
    std::vector<double> sum(result.pixels.size(), 0.0);
    std::vector<int> count(result.pixels.size(), 0);
    const int radius = geometry.patch / 2, side = geometry.high_side();
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        const int top = geometry.scale * (pixels[i] / low.width - radius);
        const int left = geometry.scale * (pixels[i] % low.width - radius);
        for (int y = std::max(0, top); y < std::min(result.height, top + side); ++y)
            for (int x = std::max(0, left); x < std::min(result.width, left + side); ++x) {
                const auto pixel = static_cast<std::size_t>(y) * static_cast<std::size_t>(result.width) +
                                   static_cast<std::size_t>(x);
                sum[pixel] +=
                    estimates[i * high_size + static_cast<std::size_t>((y - top) * side + x - left)];
                ++count[pixel];
            }
    }
    for (std::size_t pixel = 0; pixel < sum.size(); ++pixel)
        if (count[pixel] > 0) result.pixels[pixel] = static_cast<float>(sum[pixel] / count[pixel]);
    return result;
}

namespace {

class SrswMethod : public Method {
  public:
    using Options = SrswOptions;
    explicit SrswMethod(const Options& options)
        : options_(options), srsw_(read_database(options.database), options) {}

  protected:
    imaging::Image enlarge_checked(const imaging::Image& low,
                                   const imaging::Degradation& degradation) const override {
        require_degradation(srsw_.database(), degradation, options_.database);
        imaging::Image image = srsw_.enlarge(low);
        if (options_.back_projections == 0) return image;
        const auto a = imaging::degradation_operator(image.height, image.width, degradation);
        return imaging::to_image(back_project(a, degradation.scale, imaging::to_plane(low),
                                              imaging::to_plane(image), options_.back_projections, 1.0));
    }

  private:
    static SrswDatabase read_database(const std::string& path) {
        require(!path.empty(), "[method] srsw needs database=FILE, which train_srsw writes");
        return read_srsw_database(path);
    }
    Options options_;
    Srsw srsw_;
};

const MethodRegistration<SrswMethod> registration{
    "srsw", "non-negative combinations of similar patches, after the abstract of Trinh et al. 2014"};

}  // namespace
}  // namespace dnsp::classical
