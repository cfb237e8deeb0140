#include "kernels/require.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/runtime.hpp"

namespace dnsp::simt {

template <class T>
void gemm(bool, bool, std::int64_t, std::int64_t, std::int64_t, T, const T*, std::int64_t, const T*,
          std::int64_t, T, T*, std::int64_t) {
    throw Error("[cuda] " + unavailable_reason());
}

template void gemm(bool, bool, std::int64_t, std::int64_t, std::int64_t, float, const float*, std::int64_t,
                   const float*, std::int64_t, float, float*, std::int64_t);
template void gemm(bool, bool, std::int64_t, std::int64_t, std::int64_t, double, const double*, std::int64_t,
                   const double*, std::int64_t, double, double*, std::int64_t);

}  // namespace dnsp::simt
