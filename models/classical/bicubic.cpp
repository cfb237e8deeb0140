// Keys' bicubic interpolation at the phase of the degradation (imaging/resample.hpp).
#include "imaging/resample.hpp"
#include "models/classical/method.hpp"

namespace dnsp::classical {
namespace {

class Bicubic : public Method {
  protected:
    imaging::Image enlarge_checked(const imaging::Image& low,
                                   const imaging::Degradation& degradation) const override {
        return imaging::enlarge_bicubic(low, degradation.scale, degradation.phase);
    }
};

const MethodRegistration<Bicubic> registration{"bicubic", "bicubic interpolation"};

}  // namespace
}  // namespace dnsp::classical
