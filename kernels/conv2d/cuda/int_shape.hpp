#pragma once

#include "base/error.hpp"
#include "kernels/conv2d/conv2d.hpp"

namespace dnsp::kernels::cuda::detail {

/// Conv2dShape in ints, which divide faster on a device. Throws Error for 2³⁰ or more pixels or weights.
struct IntShape {
    int pixels, height, width, in_channels, out_channels, kernel_height, kernel_width;

    explicit IntShape(const Conv2dShape& s)
        : pixels(static_cast<int>(s.pixels())),
          height(static_cast<int>(s.height)),
          width(static_cast<int>(s.width)),
          in_channels(static_cast<int>(s.in_channels)),
          out_channels(static_cast<int>(s.out_channels)),
          kernel_height(static_cast<int>(s.kernel_height)),
          kernel_width(static_cast<int>(s.kernel_width)) {
        require(s.pixels() < 1 << 30 && s.weight_elements() < 1 << 30,
                "[conv2d] expects fewer than 2^30 pixels and weights");
    }
};

}  // namespace dnsp::kernels::cuda::detail
