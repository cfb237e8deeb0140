#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/error.hpp"

namespace dnsp {

/// Up to four extents. Images are [batch, height, width, channels], convolution weights
/// [out_channels, kernel_height, kernel_width, in_channels].
class Shape {
  public:
    static constexpr int max_rank = 4;

    Shape() = default;
    Shape(std::initializer_list<std::int64_t> extents) {
        require(extents.size() <= max_rank, "[Shape] at most 4 extents");
        for (std::int64_t extent : extents) append(extent);
    }

    void append(std::int64_t extent) {
        require(rank_ < max_rank && extent >= 0, "[Shape] extents must be non-negative, at most 4 of them");
        extents_[static_cast<std::size_t>(rank_++)] = extent;
    }

    int rank() const { return rank_; }
    std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
    std::int64_t elements() const {
        std::int64_t product = 1;
        for (int i = 0; i < rank_; ++i) product *= (*this)[i];
        return product;
    }
    bool operator==(const Shape& other) const = default;

    /// "[64, 40, 40, 1]"
    std::string text() const {
        std::string out = "[";
        for (int i = 0; i < rank_; ++i) out += (i ? ", " : "") + std::to_string((*this)[i]);
        return out + "]";
    }

  private:
    std::array<std::int64_t, max_rank> extents_{};
    int rank_ = 0;
};

}  // namespace dnsp
