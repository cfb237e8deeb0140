#include "kernels/copy_rows.hpp"

#include "kernels/simt/grid.hpp"
#include "kernels/simt/vector.cuh"

namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 256;

// target[row, col] = source[row, col], each array with its row stride. All extents count units: elements, or
// 16 bytes. A grid-stride loop over rows · row_elements: neighbouring threads copy neighbouring units of a
// row. Bound by device memory.
template <class Unit>
__global__ void __launch_bounds__(threads) copy_units(const RowCopy shape, const Unit* source, Unit* target) {
    const std::int64_t count = shape.rows * shape.row_elements;
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; i < count;
         i += stride) {
        const std::int64_t row = i / shape.row_elements, col = i % shape.row_elements;
        target[row * shape.target_stride + col] = source[row * shape.source_stride + col];
    }
}

template <class Unit>
void launch_copy(const RowCopy& shape, const Unit* source, Unit* target) {
    simt::launch(copy_units<Unit>, simt::blocks_for_stride_loop(shape.rows * shape.row_elements, threads),
                 threads, 0, shape, source, target);
}

}  // namespace

template <class T>
void copy_rows(const RowCopy& s, const T* source, T* target) {
    using Run = simt::Vector<T>;
    const auto in_runs = [](std::int64_t elements) { return elements % Run::width == 0; };
    if (simt::are_aligned(source, target) && in_runs(s.row_elements) && in_runs(s.source_stride) &&
        in_runs(s.target_stride))
        launch_copy(
            {s.rows, s.row_elements / Run::width, s.source_stride / Run::width, s.target_stride / Run::width},
            reinterpret_cast<const Run*>(source), reinterpret_cast<Run*>(target));
    else
        launch_copy(s, source, target);
}

DNSP_INSTANTIATE(copy_rows);

}  // namespace dnsp::kernels::cuda
