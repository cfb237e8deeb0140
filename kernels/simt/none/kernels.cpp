// The CUDA kernels of a build without a CUDA backend: they exist for the linker, and refuse.
#include "base/device/runtime.hpp"
#include "base/error.hpp"
#include "kernels/adam.hpp"
#include "kernels/conv2d/conv2d.hpp"
#include "kernels/conv2d/cuda/cublas.hpp"
#include "kernels/conv2d/cuda/mma.hpp"
#include "kernels/conv2d/cuda/wgmma.hpp"
#include "kernels/conv2d/mixed.hpp"
#include "kernels/copy_rows.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/filter_measure.hpp"
#include "kernels/filter_norms.hpp"
#include "kernels/filter_variance.hpp"
#include "kernels/low_rank/low_rank.hpp"
#include "kernels/patch_sampling.hpp"
#include "kernels/step_position.hpp"
#include "kernels/total_variation.hpp"
#include "kernels/weighted_sum.hpp"

namespace dnsp::kernels::cuda {
namespace {

[[noreturn]] void refuse() { throw Error("[cuda] " + simt::unavailable_reason()); }

}  // namespace

// clang-format off
void finish_step(const StepFigures&, const double*, const double*, StepPosition*, double*) { refuse(); }
void sample_patches(const PatchSampling&, const StepPosition*, const std::uint32_t*, const SliceEntry*, const CornerEntry*, const float*, const float*, float*, float*) { refuse(); }
template <class T> void fill(std::int64_t, T, T*) { refuse(); }
template <class T> void add(std::int64_t, const T*, const T*, T*) { refuse(); }
template <class T> void scale(std::int64_t, double, const T*, T*) { refuse(); }
template <class T> void add_scaled(std::int64_t, const T*, double, const T*, T*) { refuse(); }
template <class T> void relu_forward(std::int64_t, const T*, T*) { refuse(); }
template <class T> void relu_backward(std::int64_t, const T*, const T*, T*) { refuse(); }
template <class T> void squared_error(std::int64_t, const T*, const T*, T*, double*) { refuse(); }
template <class T> void weighted_sum(const UpTo16<Term<T>>&, double*) { refuse(); }
template <class T> void sum_of_arrays(std::int64_t, const double*, const UpTo16<Summand<T>>&, const T*, T*) { refuse(); }
template <class T> void copy_rows(const RowCopy&, const T*, T*) { refuse(); }
template <class T> void adam(const AdamShape&, const AdamRates*, const StepPosition*, const T*, T*, T*, T*) { refuse(); }
template <class T> void conv2d_forward(const Conv2dShape&, const T*, const T*, const T*, const Conv2dEpilogue<T>&, T*) { refuse(); }
template <class T> void conv2d_backward_input(const Conv2dShape&, const T*, double, const T*, const T*, const T*, T*) { refuse(); }
template <class T> void conv2d_backward_weight(const Conv2dShape&, const T*, const T*, double, T*, T*) { refuse(); }
template <class T> void conv2d_backward_bias(const Conv2dShape&, const T*, double, T*) { refuse(); }
template <class T> void low_rank_svd(const LowRankShape&, const T*, double*, T*) { refuse(); }
template <class T> void low_rank_matrix_exponential(const LowRankShape&, const T*, double*, T*) { refuse(); }
template <class T> void low_rank_matrix_exponential_fma(const LowRankShape&, const T*, double*, T*) { refuse(); }
template <class T> void low_rank_cusolver(const LowRankShape&, const T*, double*, T*) { refuse(); }
template <class T> void filter_variance(const FilterVarianceShape&, const T*, const T*, double*, T*, T*) { refuse(); }
template <class T> void accumulate_tap_gram(const FilterVarianceShape&, const T*, double, double*) { refuse(); }
template <class T> void filter_measure(std::int64_t, std::int64_t, const double*, const T*, double*, T*) { refuse(); }
template <class T> void filter_norms(std::int64_t, std::int64_t, const T*, double*) { refuse(); }
template <class T> void rescale_filters(std::int64_t, std::int64_t, const double*, T*) { refuse(); }
template <class T> void total_variation(const TotalVariationShape&, const T*, double*, T*) { refuse(); }
#define INSTANTIATE(T) \
    template void fill<T>(std::int64_t, T, T*); \
    template void add<T>(std::int64_t, const T*, const T*, T*); \
    template void scale<T>(std::int64_t, double, const T*, T*); \
    template void add_scaled<T>(std::int64_t, const T*, double, const T*, T*); \
    template void relu_forward<T>(std::int64_t, const T*, T*); \
    template void relu_backward<T>(std::int64_t, const T*, const T*, T*); \
    template void squared_error<T>(std::int64_t, const T*, const T*, T*, double*); \
    template void weighted_sum<T>(const UpTo16<Term<T>>&, double*); \
    template void sum_of_arrays<T>(std::int64_t, const double*, const UpTo16<Summand<T>>&, const T*, T*); \
    template void copy_rows<T>(const RowCopy&, const T*, T*); \
    template void adam<T>(const AdamShape&, const AdamRates*, const StepPosition*, const T*, T*, T*, T*); \
    template void conv2d_forward<T>(const Conv2dShape&, const T*, const T*, const T*, const Conv2dEpilogue<T>&, T*); \
    template void conv2d_backward_input<T>(const Conv2dShape&, const T*, double, const T*, const T*, const T*, T*); \
    template void conv2d_backward_weight<T>(const Conv2dShape&, const T*, const T*, double, T*, T*); \
    template void conv2d_backward_bias<T>(const Conv2dShape&, const T*, double, T*); \
    template void low_rank_svd<T>(const LowRankShape&, const T*, double*, T*); \
    template void low_rank_matrix_exponential<T>(const LowRankShape&, const T*, double*, T*); \
    template void low_rank_matrix_exponential_fma<T>(const LowRankShape&, const T*, double*, T*); \
    template void low_rank_cusolver<T>(const LowRankShape&, const T*, double*, T*); \
    template void filter_variance<T>(const FilterVarianceShape&, const T*, const T*, double*, T*, T*); \
    template void accumulate_tap_gram<T>(const FilterVarianceShape&, const T*, double, double*); \
    template void filter_measure<T>(std::int64_t, std::int64_t, const double*, const T*, double*, T*); \
    template void filter_norms<T>(std::int64_t, std::int64_t, const T*, double*); \
    template void rescale_filters<T>(std::int64_t, std::int64_t, const double*, T*); \
    template void total_variation<T>(const TotalVariationShape&, const T*, double*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
// clang-format on

// clang-format off
bool conv2d_stores_bfloat16(std::int64_t, std::int64_t) { return false; }
template <class From, class To> void convert(std::int64_t, const From*, To*) { refuse(); }
template <class In, class Out> void conv2d_mixed_forward(const Conv2dShape&, const In*, const float*, const float*, const Conv2dEpilogue<Out>&, Out*) { refuse(); }
template <class In, class Out> void conv2d_mixed_backward_input(const Conv2dShape&, const Out*, double, const float*, const In*, const In*, In*) { refuse(); }
template <class In, class Out> void conv2d_mixed_backward_weight(const Conv2dShape&, const In*, const Out*, double, float*, float*) { refuse(); }
template <class Out> void conv2d_mixed_backward_bias(const Conv2dShape&, const Out*, double, float*) { refuse(); }
#define INSTANTIATE(In, Out) \
    template void conv2d_mixed_forward(const Conv2dShape&, const In*, const float*, const float*, const Conv2dEpilogue<Out>&, Out*); \
    template void conv2d_mixed_backward_input(const Conv2dShape&, const Out*, double, const float*, const In*, const In*, In*); \
    template void conv2d_mixed_backward_weight(const Conv2dShape&, const In*, const Out*, double, float*, float*);
INSTANTIATE(bfloat16, bfloat16)
INSTANTIATE(float, bfloat16)
INSTANTIATE(bfloat16, float)
#undef INSTANTIATE
template void conv2d_mixed_backward_bias(const Conv2dShape&, const float*, double, float*);
template void conv2d_mixed_backward_bias(const Conv2dShape&, const bfloat16*, double, float*);
template void add<bfloat16>(std::int64_t, const bfloat16*, const bfloat16*, bfloat16*);
template void convert<float, bfloat16>(std::int64_t, const float*, bfloat16*);
template void convert<bfloat16, float>(std::int64_t, const bfloat16*, float*);
// clang-format on

namespace detail {  // the single paths, which tests call by name

// clang-format off
bool mma_supports(const Conv2dShape&) { return false; }
void mma_forward(const Conv2dShape&, Conv2dPrecision, const float*, const float*, const float*, const Conv2dEpilogue<float>&, float*) { refuse(); }
void mma_backward_input(const Conv2dShape&, Conv2dPrecision, const float*, double, const float*, const float*, const float*, float*) { refuse(); }
void mma_backward_weight(const Conv2dShape&, Conv2dPrecision, const float*, const float*, double, float*, const PartialSums<double, float>*) { refuse(); }
bool wgmma_supports(const Conv2dShape&) { return false; }
void wgmma_forward(const Conv2dShape&, const bfloat16*, const float*, const float*, const Conv2dEpilogue<bfloat16>&, bfloat16*) { refuse(); }
void wgmma_backward_input(const Conv2dShape&, const bfloat16*, double, const float*, const bfloat16*, const bfloat16*, bfloat16*) { refuse(); }
void wgmma_backward_weight(const Conv2dShape&, const bfloat16*, const bfloat16*, double, float*, const PartialSums<double, float>*) { refuse(); }
template <class T> void cublas_forward(const Conv2dShape&, const T*, const T*, const T*, const Conv2dEpilogue<T>&, T*, std::int64_t) { refuse(); }
template <class T> void cublas_backward_input(const Conv2dShape&, const T*, double, const T*, const T*, const T*, T*, std::int64_t) { refuse(); }
template <class T> void cublas_backward_weight(const Conv2dShape&, const T*, const T*, double, T*, std::int64_t) { refuse(); }
#define INSTANTIATE(T) \
    template void cublas_forward<T>(const Conv2dShape&, const T*, const T*, const T*, const Conv2dEpilogue<T>&, T*, std::int64_t); \
    template void cublas_backward_input<T>(const Conv2dShape&, const T*, double, const T*, const T*, const T*, T*, std::int64_t); \
    template void cublas_backward_weight<T>(const Conv2dShape&, const T*, const T*, double, T*, std::int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
// clang-format on

}  // namespace detail

const Conv2dOptions& conv2d_options() {
    static const Conv2dOptions options;
    return options;
}

void set_conv2d_options(const Conv2dOptions&) { refuse(); }

}  // namespace dnsp::kernels::cuda
