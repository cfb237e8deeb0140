// R_δ and its gradient of a batch of square patches. Parameters: batch, side, method ("exponential", "svd").
#include "kernels/low_rank/low_rank.hpp"
#include "benchmarks/rows/row.hpp"
#include "engine/kernel_for.hpp"

namespace dnsp::benchmarks {
namespace {

class LowRank : public Row {
  public:
    LowRank(const Parameters& p, Device device)
        : batch_(p.value("batch", 64)),
          side_(p.value("side", 40)),
          svd_(p.value("method", "exponential") == "svd"),
          images_(wavy_images(batch_, side_, side_, 5e-3, 1)),
          input_(images_.to(device)),
          gradient_(Tensor::empty_like(input_)),
          value_(Tensor::empty({batch_}, DType::float64, device)) {}

    TensorFile inputs() const override { return {{{"images", images_}}, {}}; }
    void run() override {
        using namespace kernels;
        (svd_ ? DNSP_KERNEL_FOR(input_.device(), low_rank_svd<float>)
              : DNSP_KERNEL_FOR(input_.device(), low_rank_matrix_exponential<float>))(
            {batch_, side_, side_, delta}, input_.data<float>(), value_.data<double>(),
            gradient_.data<float>());
    }
    TensorFile results() const override {
        return {{{"value", value_.to({})}, {"gradient", gradient_.to({})}}, {}};
    }
    /// Cost of repeated squaring: the Gram matrix, 16 symmetric products (half of each is computed), and the
    /// product with the matrix.
    Cost cost() const override {
        const double n = static_cast<double>(side_), count = static_cast<double>(batch_);
        return {count * (1 + 16 + 2) * n * n * n, count * n * n * 8};
    }

  private:
    static constexpr double delta = 0.01;
    std::int64_t batch_, side_;
    bool svd_;
    Tensor images_, input_, gradient_, value_;
};

const RowRegistration registration{
    "low_rank", [](const Parameters& p, Device device) { return std::make_unique<LowRank>(p, device); }};

}  // namespace
}  // namespace dnsp::benchmarks
