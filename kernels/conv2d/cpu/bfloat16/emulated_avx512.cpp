// VDPBF16PS in C++: of a pair of products, the second one is added first (Intel's instruction set reference).
#include "kernels/conv2d/cpu/bfloat16/emulated_arithmetic.hpp"
#include "kernels/conv2d/cpu/bfloat16/unit.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

bool is_available() { return true; }
bool is_fast() { return false; }

void multiply(const Bfloat16Product& p) {
    for (std::int64_t r = 0; r < p.rows; ++r)
        for (std::int64_t c = 0; c < p.channels; ++c) {
            float& result = p.sums[r * p.sums_stride + c];
            float sum = p.add ? result : 0.0f;
            for (std::int64_t t = 0; t < p.parts; ++t)
                for (std::int64_t k = 0; k < p.depth; k += 2) {
                    const bfloat16* const a = p.a[t] + r * p.a_stride + k;
                    const bfloat16* const b = p.b + ((t * p.depth + k) * p.channels + 2 * c);
                    sum = add_product(a[0], b[0], add_product(a[1], b[1], sum));
                }
            result = sum;
        }
    p.side.finish();
}

}  // namespace

const Bfloat16Unit emulated_avx512_bf16_unit{"emulated-avx512_bf16", 6,       2,       64,      false,
                                             is_available,           is_fast, nullptr, nullptr, multiply};

}  // namespace dnsp::kernels::cpu::detail
