// The CUDA emulator has no cuDNN.
#include "kernels/conv2d/cuda/cudnn.hpp"

#include "base/error.hpp"

namespace dnsp::kernels::cuda::detail {
namespace {

[[noreturn]] void refuse() { throw Error("[conv2d] " + cudnn_unavailable_reason()); }

}  // namespace

bool cudnn_available() { return false; }
std::string cudnn_unavailable_reason() { return "the CUDA emulator has no cuDNN"; }

void cudnn_forward(const Conv2dShape&, const Conv2dForward<float>&) { refuse(); }
void cudnn_backward_input(const Conv2dShape&, const Conv2dBackwardInput<float>&) { refuse(); }
void cudnn_backward_weight(const Conv2dShape&, const Conv2dBackwardWeight<float>&) { refuse(); }

}  // namespace dnsp::kernels::cuda::detail
