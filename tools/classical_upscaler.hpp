#pragma once

#include <memory>

#include "imaging/degradation.hpp"
#include "inference/image_upscaler.hpp"
#include "models/classical/method.hpp"

namespace dnsp::tools {

/// Applies a method of models/classical, which is told the degradation.
class ClassicalUpscaler : public ImageUpscaler {
  public:
    ClassicalUpscaler(std::unique_ptr<const classical::Method> method, imaging::Degradation degradation)
        : method_(std::move(method)), degradation_(std::move(degradation)) {}

    imaging::Image upscale(const imaging::Image& low,
                           const imaging::Normalisation& normalisation) const override;
    /// Precondition: `spread` is null.
    imaging::Volume upscale(const imaging::Volume& low, int axis,
                            const std::function<void(int done)>& progress,
                            imaging::Volume* spread = nullptr) const override;

    std::optional<imaging::Degradation> acquisition() const override { return degradation_; }

  private:
    std::unique_ptr<const classical::Method> method_;
    imaging::Degradation degradation_;
};

}  // namespace dnsp::tools
