// Limits of the machine: a copy in memory, and a GEMM of square matrices by oneDNN, Eigen or cuBLAS.
// Parameters: bytes; side, type ("float32", "float64").
#include <dnnl.h>

#include <Eigen/Core>
#include <type_traits>

#include "base/device/runtime.hpp"
#include "benchmarks/rows/row.hpp"
#include "kernels/simt/cublas.hpp"

namespace dnsp::benchmarks {
namespace {

class Copy : public Row {
  public:
    Copy(const Parameters& p, Device device)
        : from_(Tensor::zeros({p.value("bytes", std::int64_t{1} << 28) / 4}, DType::float32, device)),
          to_(Tensor::zeros(from_.shape(), DType::float32, device)) {}
    TensorFile inputs() const override { return {}; }
    TensorFile results() const override { return {}; }
    void run() override { to_.copy_from(from_); }
    Cost cost() const override { return {0, 8.0 * static_cast<double>(from_.elements())}; }

  private:
    Tensor from_, to_;
};

template <class T>
class Gemm : public Row {
  public:
    Gemm(const Parameters& p, Device device)
        : side_(p.value("side", 2048)),
          a_(Tensor::empty({side_, side_}, dtype_of<T>(), device)),
          b_(Tensor::empty_like(a_)),
          c_(Tensor::empty_like(a_)) {
        std::uint64_t stream = 1;
        for (Tensor* tensor : {&a_, &b_}) {
            const Tensor random = random_tensor({side_, side_}, 1, stream++);
            const float* values = random.data<float>();
            tensor->copy_from(
                Tensor::from<T>({side_, side_}, std::vector<T>(values, values + side_ * side_)));
        }
    }
    TensorFile inputs() const override { return {}; }
    TensorFile results() const override { return {}; }
    void run() override {
        const std::int64_t n = side_;
        const T *a = a_.data<T>(), *b = b_.data<T>();
        T* c = c_.data<T>();
        if (a_.device().kind == DeviceKind::cuda) {
            if constexpr (DNSP_HAS_CUDA) simt::gemm(false, false, n, n, n, T(1), a, n, b, n, T(0), c, n);
        } else if constexpr (std::is_same_v<T, float>)
            dnnl_sgemm('N', 'N', n, n, n, 1.0f, a, n, b, n, 0.0f, c, n);
        else
            Eigen::Map<Matrix>(c, n, n).noalias() =
                Eigen::Map<const Matrix>(a, n, n) * Eigen::Map<const Matrix>(b, n, n);
    }
    Cost cost() const override {
        const double n = static_cast<double>(side_);
        return {2 * n * n * n, 0};
    }

  private:
    using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    std::int64_t side_;
    Tensor a_, b_, c_;
};

const RowRegistration copy{
    "copy", [](const Parameters& p, Device device) { return std::make_unique<Copy>(p, device); }};
const RowRegistration gemm{"gemm", [](const Parameters& p, Device device) -> std::unique_ptr<Row> {
                               if (p.value("type", "float32") == "float64")
                                   return std::make_unique<Gemm<double>>(p, device);
                               return std::make_unique<Gemm<float>>(p, device);
                           }};

}  // namespace
}  // namespace dnsp::benchmarks
