#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/cusolver.hpp"

namespace dnsp::simt {

bool cublas_available() { return false; }
std::string cublas_unavailable_reason() { return unavailable_reason(); }
bool cusolver_available() { return false; }
std::string cusolver_unavailable_reason() { return unavailable_reason(); }

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
