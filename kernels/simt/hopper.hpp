#pragma once

namespace dnsp::simt {

/// True if the selected device has compute capability 9.0 and the program contains code for sm_90a, which has
/// the instructions of ptx.cuh that later devices lack. Code for plain sm_90, or compiled by the driver from
/// PTX, has none of them: its wrappers end the kernel.
bool has_hopper_instructions();

}  // namespace dnsp::simt
