#pragma once

#include "engine/device.hpp"
#include "tools/upscale/options.hpp"

namespace dnsp::tools {

/// Trains a network on the scan of the options and applies it to that scan. Throws Error for a folder, a
/// picture, and options that contradict thin slices.
void upscale_self(const UpscaleOptions& options, Device device);

}  // namespace dnsp::tools
