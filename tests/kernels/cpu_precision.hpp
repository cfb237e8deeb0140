#pragma once

// Convolutions on the CPU in bfloat16, in a scope; and products of a bfloat16 unit.
#include <algorithm>
#include <vector>

#include "kernels/conv2d/cpu/bfloat16/unit.hpp"
#include "tests/kernels/conv2d_cases.hpp"

namespace dnsp::testing {

using kernels::cpu::detail::Bfloat16Unit;

/// The units that this processor has, and the emulated ones.
inline std::vector<const Bfloat16Unit*> bfloat16_units_here() {
    std::vector<const Bfloat16Unit*> here;
    for (const auto* const unit : kernels::cpu::detail::bfloat16_units())
        if (unit->is_available()) here.push_back(unit);
    return here;
}

/// Convolutions on the CPU multiply in bfloat16 by `unit`.
class CpuPrecision {
  public:
    explicit CpuPrecision(const Bfloat16Unit* unit) : before_(kernels::cpu::conv2d_precision()) {
        kernels::cpu::detail::set_bfloat16_unit(unit);
        kernels::cpu::set_conv2d_precision(Conv2dPrecision::bfloat16);
    }
    ~CpuPrecision() { kernels::cpu::set_conv2d_precision(before_); }
    CpuPrecision(const CpuPrecision&) = delete;
    CpuPrecision& operator=(const CpuPrecision&) = delete;

  private:
    Conv2dPrecision before_;
};

/// Random operands of a product. Rows of `a` overlap, as in a convolution.
struct ProductCase {
    std::int64_t rows, channels, depth, parts;
    std::vector<bfloat16> a, b;

    ProductCase(std::int64_t rows_, std::int64_t channels_, std::int64_t depth_, std::int64_t parts_,
                double size)
        : rows(rows_),
          channels(channels_),
          depth(depth_),
          parts(parts_),
          a(stored<bfloat16>(scaled(size, reference::uniform((rows + parts) * depth, 1)))),
          b(stored<bfloat16>(scaled(size, reference::uniform(parts * depth * channels, 2)))) {}
    double expected(std::int64_t r, std::int64_t c) const {
        double sum = 0;
        for (std::int64_t t = 0; t < parts; ++t)
            for (std::int64_t k = 0; k < depth; ++k)
                sum += static_cast<double>(
                           static_cast<float>(a[static_cast<std::size_t>((r + t) * depth + k)])) *
                       static_cast<double>(static_cast<float>(
                           b[static_cast<std::size_t>(((t * depth + k) / 2 * channels + c) * 2 + k % 2)]));
        return sum;
    }
};

/// Products, added to `sums` if these are given.
inline std::vector<float> products_of(const Bfloat16Unit& unit, const ProductCase& p,
                                      std::vector<float> sums = {}) {
    std::vector<const bfloat16*> parts;
    for (std::int64_t t = 0; t < p.parts; ++t) parts.push_back(p.a.data() + t * p.depth);
    const bool add = !sums.empty();
    sums.resize(static_cast<std::size_t>(p.rows * p.channels));
    kernels::cpu::detail::Bfloat16Session(unit).multiply({.rows = p.rows,
                                                          .channels = p.channels,
                                                          .depth = p.depth,
                                                          .parts = p.parts,
                                                          .a = parts.data(),
                                                          .a_stride = p.depth,
                                                          .b = p.b.data(),
                                                          .sums = sums.data(),
                                                          .sums_stride = p.channels,
                                                          .add = add});
    return sums;
}

inline void check_products(const Bfloat16Unit& unit, std::int64_t rows, std::int64_t channels,
                           std::int64_t depth, std::int64_t parts) {
    INFO(rows << " rows, " << channels << " channels, depth " << depth << ", " << parts << " parts");
    const ProductCase p(rows, channels, depth, parts, 1.0);
    const auto sums = products_of(unit, p);
    Array expected;
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < channels; ++c) expected.push_back(p.expected(r, c));
    CHECK(reference::relative_error(sums, expected) <= 1e-5);

    const Array before = reference::uniform(rows * channels, 3);
    for (std::size_t i = 0; i < before.size(); ++i) expected[i] += before[i];
    CHECK(reference::relative_error(products_of(unit, p, stored<float>(before)), expected) <= 1e-5);
}

}  // namespace dnsp::testing
