#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "models/model.hpp"
#include "training/subject.hpp"

namespace dnsp {

/// Mean PSNR and SSIM over the validation slices; data range: Subject::reference_range.
struct ValidationScore {
    double psnr_db = 0.0;
    double ssim = 0.0;
};

/// The held-out slices that score a run, evenly spaced. Up to two of them are samples, which show it in
/// pictures.
class Validation {
  public:
    /// The subjects must outlive the object and have a slice.
    Validation(const std::vector<Subject>& subjects, int max_slices);

    struct Slice {
        const Subject* subject = nullptr;
        const SlicePair* pair = nullptr;
    };
    struct Result {
        ValidationScore score;
        std::vector<imaging::Image> samples;  ///< on the scale of the target
        std::vector<double> sample_psnr_db;
    };
    /// The network's results; nothing if `stop`, asked before every slice, returns true.
    std::optional<Result> of(const Model& model, Device device, const std::function<bool()>& stop) const;
    Result of(const Model& model, Device device) const;
    /// The network's inputs, on the scale of the target.
    Result of_inputs() const;

    const std::vector<Slice>& samples() const { return samples_; }

  private:
    template <class Restore>
    std::optional<Result> score(const Restore& restore, const std::function<bool()>& stop) const;

    std::vector<Slice> slices_, samples_;
};

}  // namespace dnsp
