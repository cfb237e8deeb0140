// What the machine can do at best: a copy within memory, and a product of square float32 matrices by oneDNN
// or cuBLAS. Parameters: bytes, side.
#include <dnnl.h>

#include <cstring>

#include "benchmarks/rows/row.hpp"
#include "kernels/simt/cublas.hpp"
#include "kernels/simt/runtime.hpp"

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

class Gemm : public Row {
  public:
    Gemm(const Parameters& p, Device device)
        : side_(p.value("side", 2048)),
          a_(random_tensor({side_, side_}, 1, 1).to(device)),
          b_(random_tensor({side_, side_}, 1, 2).to(device)),
          c_(Tensor::empty_like(a_)) {}
    TensorFile inputs() const override { return {}; }
    TensorFile results() const override { return {}; }
    void run() override {
        if (a_.device().kind == DeviceKind::cpu)
            dnnl_sgemm('N', 'N', side_, side_, side_, 1.0f, a_.data<float>(), side_, b_.data<float>(), side_,
                       0.0f, c_.data<float>(), side_);
        else
            simt::gemm(false, false, side_, side_, side_, 1.0f, a_.data<float>(), side_, b_.data<float>(),
                       side_, 0.0f, c_.data<float>(), side_);
    }
    Cost cost() const override {
        const double n = static_cast<double>(side_);
        return {2 * n * n * n, 0};
    }

  private:
    std::int64_t side_;
    Tensor a_, b_, c_;
};

const RowRegistration copy{
    "copy", [](const Parameters&p, Device device) { return std::make_unique<Copy>(p, device); }},
    gemm{"gemm", [](const Parameters&p, Device device) { return std::make_unique<Gemm>(p, device); }};

}  // namespace
}  // namespace dnsp::benchmarks
