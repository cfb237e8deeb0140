#include "kernels/simt/hopper.hpp"

#include "base/device/runtime.hpp"

namespace dnsp::simt {

bool has_hopper_instructions() { return compute_capability() == 90; }

}  // namespace dnsp::simt
