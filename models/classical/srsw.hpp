#pragma once

#include <Eigen/Dense>

#include "base/options.hpp"
#include "models/classical/nearest_patches.hpp"
#include "models/classical/srsw_database.hpp"

namespace dnsp::classical {

/// Options of SRSW.
struct SrswOptions {
    enum class Solver { exact, multiplicative };
    std::string database;  ///< file of train_srsw
    int candidates = 16;   ///< K
    double lambda = 1e-3;
    int back_projections = 0;
    Solver solver = Solver::exact;
    int updates = 100;      ///< of Solver::multiplicative
    bool normalise = true;  ///< compare and combine patches after scaling them to one norm
    void visit(OptionVisitor& visitor);
};

/// w_j = d_j²/⟨d²⟩ with d_j² = ‖y − u_j‖², u_j row j of `candidates`; 0 if all distances are 0.
Eigen::VectorXd similarity_weights(const Eigen::MatrixXd& candidates, const Eigen::VectorXd& y);

/// argmin_{α ≥ 0} ½‖y − Uᵀα‖² + λ Σ w_j α_j, where the rows of U are the candidates.
Eigen::VectorXd srsw_coefficients(const Eigen::MatrixXd& candidates, const Eigen::VectorXd& y,
                                  const SrswOptions& options);

/// SRSW: each low-resolution patch is a non-negative combination of its K nearest patches of a database, with
/// weights on the coefficients that grow with the distance; the same combination of the high-resolution
/// patches estimates the image, as the mean of the overlapping estimates. This is an implementation of the
/// abstract of Trinh et al. 2014; sizes, normalisation and solver are choices of this project.
class Srsw {
  public:
    /// Throws Error if the database has fewer pairs than candidates.
    Srsw(SrswDatabase database, const SrswOptions& options);

    const SrswDatabase& database() const { return database_; }
    /// Pixels that no patch with a maximum above .05 covers are bicubic.
    imaging::Image enlarge(const imaging::Image& low) const;

  private:
    struct Buffers;
    void estimate(std::span<const float> patch, std::span<float> estimated, Buffers& buffers) const;

    SrswDatabase database_;
    SrswOptions options_;
    Eigen::VectorXd norm_;  ///< of the low-resolution patches
    PatchMatrix searched_;  ///< low-resolution patches, of norm 1 with options.normalise
    NearestPatches nearest_;
};

}  // namespace dnsp::classical
