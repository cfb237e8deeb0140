#include "kernels/filter_variance.hpp"

#include "kernels/simt/grid.hpp"
#include "kernels/simt/reduce.cuh"

// A block owns one window of one image with one filter. If an image and its response fit into shared memory,
// the image is one window, and the block computes the mean response itself. Otherwise an earlier kernel
// computes sums of the windows, from which the mean follows. Contributions of windows and filters are added
// in order.
namespace dnsp::kernels::cuda {
namespace {

constexpr int threads = 288, warps = threads / 32;  // one warp per tap of a 3×3 filter
constexpr std::size_t shared_for_planes =
    47 << 10;  // of the 48 KiB that every device has; the sums need the rest
constexpr int window_of_larger_images = 32;

struct Plan {
    int height, width, filters, kernel;
    int margin;  // distance from the image border to the centre of the first filter
    int window_height, window_width, windows_across, windows;
    double responses;  // n, responses per image

    /// Size of two planes in shared memory.
    template <class T>
    std::size_t shared_bytes() const {
        const int once = kernel - 1, twice = 2 * once;
        return sizeof(T) * static_cast<std::size_t>((window_height + twice) * (window_width + twice) +
                                                    (window_height + once) * (window_width + once));
    }
};

/// The window of a block. Blocks are numbered by image, then filter, then window.
struct Window {
    std::int64_t pair;  // image · filters + filter
    std::int64_t image;
    int filter, top, left, height, width;

    __device__ explicit Window(const Plan& p) {
        const int window = static_cast<int>(blockIdx.x % p.windows);
        pair = blockIdx.x / p.windows;
        image = pair / p.filters;
        filter = static_cast<int>(pair % p.filters);
        top = window / p.windows_across * p.window_height;
        left = window % p.windows_across * p.window_width;
        height = min(p.window_height, p.height - top);
        width = min(p.window_width, p.width - left);
    }
};

template <class T>
struct Plane {
    simt::SharedSpan<T> values;
    int height, width;

    __device__ Plane(int rows, int cols, std::size_t offset_bytes)
        : values(simt::dynamic_shared<T>(static_cast<std::size_t>(rows * cols), offset_bytes)),
          height(rows),
          width(cols) {}
    __device__ __forceinline__ std::size_t bytes() const { return values.count * sizeof(T); }
    __device__ __forceinline__ T& at(int y, int x) const {
        DNSP_CHECK_BOUNDS(x, width);
        return values[y * width + x];
    }
};

/// Calls body(y, x) for every `stride`-th position of a rectangle, row by row, starting at position `first`.
template <class Body>
__device__ __forceinline__ void for_each_place(int height, int width, int first, int stride, Body&& body) {
    const int rows = stride / width, cols = stride % width;
    for (int y = first / width, x = first % width; y < height;) {
        body(y, x);
        y += rows;
        x += cols;
        if (x >= width) {
            x -= width;
            ++y;
        }
    }
}

/// Copies the image from (top, left) on, zero outside.
template <class T>
__device__ __forceinline__ void load(const Plan& p, const T* image, int top, int left,
                                     const Plane<T>& plane) {
    for_each_place(plane.height, plane.width, static_cast<int>(threadIdx.x), threads, [&](int y, int x) {
        const int row = top + y, col = left + x;
        const bool inside = row >= 0 && row < p.height && col >= 0 && col < p.width;
        plane.at(y, x) = inside ? image[static_cast<std::int64_t>(row) * p.width + col] : T(0);
    });
}

/// True if a filter centred at (row, col) has a response.
__device__ __forceinline__ bool responds(const Plan& p, int row, int col) {
    return row >= p.margin && row < p.height - p.margin && col >= p.margin && col < p.width - p.margin;
}

/// Σ_ij filter[i, j] · source[y + i, x + j]
template <class T>
__device__ __forceinline__ T correlate(const T* filter, int kernel, const Plane<T>& source, int y, int x) {
    T sum = T(0);
    for (int i = 0; i < kernel; ++i)
        for (int j = 0; j < kernel; ++j) sum = fma(filter[i * kernel + j], source.at(y + i, x + j), sum);
    return sum;
}

// window_sums[block] = Σ P over the responses centred in the window. Bound by shared memory: kernel² loads
// per response.
template <int Kernel, class T>
__global__ void __launch_bounds__(threads, 3)
    sum_responses(const Plan p, const T* __restrict__ images, const T* __restrict__ weights,
                  double* window_sums) {
    const int kernel = Kernel > 0 ? Kernel : p.kernel, half = kernel / 2;
    const Window w(p);
    const T* filter = weights + w.filter * kernel * kernel;
    const Plane<T> source(w.height + 2 * half, w.width + 2 * half, 0);
    load(p, images + w.image * p.height * p.width, w.top - half, w.left - half, source);
    __syncthreads();
    double sum = 0.0;
    for_each_place(w.height, w.width, static_cast<int>(threadIdx.x), threads, [&](int y, int x) {
        if (responds(p, w.top + y, w.left + x)) sum += correlate(filter, kernel, source, y, x);
    });
    sum = simt::block_sum<threads>(sum);
    if (threadIdx.x == 0) window_sums[blockIdx.x] = sum;
}

// P and d of one filter, in shared memory, in a window and its halo. Writes for the window:
// - Σ (P − mean)²
// - ∂V/∂Y through this filter, gathered from d, so that no two threads write the same element
// - Σ d · Y for each tap, one warp per tap.
// Bound by shared memory: kernel² loads per response and per pixel. `window_sums` is null if there is one
// window. `tap_sums` is null if no filter gradient is wanted.
template <int Kernel, class T>
__global__ void __launch_bounds__(threads, 2)
    differentiate(const Plan p, const T* __restrict__ images, const T* __restrict__ weights,
                  const double* window_sums, double* squares, T* gradients, double* tap_sums) {
    const int kernel = Kernel > 0 ? Kernel : p.kernel, half = kernel / 2;
    const int thread = static_cast<int>(threadIdx.x);
    const Window w(p);
    const T* filter = weights + w.filter * kernel * kernel;
    // (0, 0) of `source` is (−2·half, −2·half) of the window; (0, 0) of `response` is (−half, −half).
    const Plane<T> source(w.height + 4 * half, w.width + 4 * half, 0);
    const Plane<T> response(w.height + 2 * half, w.width + 2 * half, source.bytes());
    load(p, images + w.image * p.height * p.width, w.top - 2 * half, w.left - 2 * half, source);
    __syncthreads();

    double sum = 0.0;
    for_each_place(response.height, response.width, thread, threads, [&](int y, int x) {
        const bool there = responds(p, w.top + y - half, w.left + x - half);
        const T value = there ? correlate(filter, kernel, source, y, x) : T(0);
        response.at(y, x) = value;
        sum += value;
    });
    if (window_sums) {
        sum = 0.0;
        for (int i = thread; i < p.windows; i += threads) sum += window_sums[w.pair * p.windows + i];
    }
    const double mean = simt::block_sum<threads>(sum) / p.responses;

    const double factor = 2.0 / (p.responses - 1.0) / p.filters;
    double squared = 0.0;
    for_each_place(response.height, response.width, thread, threads, [&](int y, int x) {
        if (!responds(p, w.top + y - half, w.left + x - half)) return;
        const double centred = response.at(y, x) - mean;
        if (y >= half && y < half + w.height && x >= half && x < half + w.width)
            squared = fma(centred, centred, squared);
        response.at(y, x) = static_cast<T>(factor * centred);
    });
    __syncthreads();

    T* gradient = gradients + w.pair * p.height * p.width;
    for_each_place(w.height, w.width, thread, threads, [&](int y, int x) {
        T g = T(0);
        for (int i = 0; i < kernel; ++i)
            for (int j = 0; j < kernel; ++j)
                g = fma(filter[i * kernel + j], response.at(y + 2 * half - i, x + 2 * half - j), g);
        gradient[static_cast<std::int64_t>(w.top + y) * p.width + w.left + x] = g;
    });
    for (int tap = thread / 32; tap_sums && tap < kernel * kernel; tap += warps) {
        double tap_sum = 0.0;
        for_each_place(w.height, w.width, thread % 32, 32, [&](int y, int x) {
            tap_sum = fma(static_cast<double>(response.at(y + half, x + half)),
                          static_cast<double>(source.at(y + half + tap / kernel, x + half + tap % kernel)),
                          tap_sum);
        });
        tap_sum = simt::warp_sum(tap_sum);
        if (thread % 32 == 0)
            tap_sums[static_cast<std::int64_t>(blockIdx.x) * kernel * kernel + tap] = tap_sum;
    }
    squared = simt::block_sum<threads>(squared);
    if (thread == 0) squares[blockIdx.x] = squared;
}

/// Contributions of windows and filters, to be added.
template <class T>
struct Sums {
    std::int64_t batch;
    const T* gradients;      // [image, filter, pixel]
    const double* squares;   // [image, filter, window]
    const double* tap_sums;  // [image, filter, window, tap], or null
    T* image_gradient;
    double* value;
    T* filter_gradient;
};

/// image_gradient[image, pixel] = Σ_filter gradients[image, filter, pixel], by `blocks` blocks. Bound by L2.
template <class T>
__device__ __forceinline__ void sum_filters(const Plan& p, const Sums<T>& sums, unsigned blocks) {
    const std::int64_t pixels = static_cast<std::int64_t>(p.height) * p.width,
                       stride = static_cast<std::int64_t>(blocks) * threads;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
         i < sums.batch * pixels; i += stride) {
        const T* own = sums.gradients + i / pixels * p.filters * pixels + i % pixels;
        T sum = T(0);
        for (int f = 0; f < p.filters; ++f) sum += own[f * pixels];
        sums.image_gradient[i] = sum;
    }
}

/// value[image] = Σ squares / (n − 1) / filters over the filters and windows of an image, by one warp.
template <class T>
__device__ __forceinline__ void sum_values(const Plan& p, const Sums<T>& sums, std::int64_t image) {
    const int count = p.filters * p.windows;
    const double* own = sums.squares + image * count;
    double sum = 0.0;
    for (int i = static_cast<int>(threadIdx.x) % 32; i < count; i += 32) sum += own[i];
    sum = simt::warp_sum(sum);
    if (threadIdx.x % 32 == 0) sums.value[image] = sum / (p.responses - 1.0) / p.filters;
}

/// filter_gradient[filter, tap] = Σ tap_sums[image, filter, window, tap] over images and windows, by one
/// warp.
template <class T>
__device__ __forceinline__ void sum_taps(const Plan& p, const Sums<T>& sums, std::int64_t filter_and_tap) {
    const int taps = p.kernel * p.kernel;
    const std::int64_t filter = filter_and_tap / taps, tap = filter_and_tap % taps;
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x % 32; i < sums.batch * p.windows; i += 32) {
        const std::int64_t pair = i / p.windows * p.filters + filter;
        sum += sums.tap_sums[(pair * p.windows + i % p.windows) * taps + tap];
    }
    sum = simt::warp_sum(sum);
    if (threadIdx.x % 32 == 0) sums.filter_gradient[filter_and_tap] = static_cast<T>(sum);
}

/// The first blocks add image gradients. Further warps each own an image, or a tap of a filter.
template <class T>
__global__ void __launch_bounds__(threads)
    add_up(const Plan p, const Sums<T> sums, unsigned blocks_of_images) {
    if (blockIdx.x < blocks_of_images) return sum_filters(p, sums, blocks_of_images);
    const std::int64_t warp =
        static_cast<std::int64_t>(blockIdx.x - blocks_of_images) * warps + threadIdx.x / 32;
    const std::int64_t all_taps = sums.tap_sums ? p.filters * p.kernel * p.kernel : 0;
    if (warp < sums.batch)
        sum_values(p, sums, warp);
    else if (warp < sums.batch + all_taps)
        sum_taps(p, sums, warp - sums.batch);
}

template <class T>
Plan plan_for(const FilterVarianceShape& s) {
    Plan p{};
    p.height = static_cast<int>(s.height);
    p.width = static_cast<int>(s.width);
    p.filters = static_cast<int>(s.filters);
    p.kernel = static_cast<int>(s.kernel);
    p.margin = s.border == Border::valid ? p.kernel / 2 : 0;
    p.responses = static_cast<double>(s.response_height()) * static_cast<double>(s.response_width());
    p.window_height = p.height;
    p.window_width = p.width;
    if (p.shared_bytes<T>() > shared_for_planes) p.window_height = p.window_width = window_of_larger_images;
    p.windows_across = (p.width + p.window_width - 1) / p.window_width;
    p.windows = (p.height + p.window_height - 1) / p.window_height * p.windows_across;
    return p;
}

template <int Kernel, class T>
void launch_windows(const Plan& p, std::int64_t batch, const T* images, const T* weights, double* squares,
                    T* gradients, double* tap_sums) {
    const std::int64_t blocks = batch * p.filters * p.windows;
    const simt::Workspace<double> window_sums(blocks);
    const bool one_window = p.windows == 1;
    if (!one_window)
        simt::launch(sum_responses<Kernel, T>, static_cast<unsigned>(blocks), threads, p.shared_bytes<T>(), p,
                     images, weights, window_sums.data());
    simt::launch(differentiate<Kernel, T>, static_cast<unsigned>(blocks), threads, p.shared_bytes<T>(), p,
                 images, weights, one_window ? nullptr : window_sums.data(), squares, gradients, tap_sums);
}

}  // namespace

template <class T>
void filter_variance(const FilterVarianceShape& s, const T* images, const T* weights, double* value,
                     T* image_gradient, T* filter_gradient) {
    const Plan p = plan_for<T>(s);
    const std::int64_t blocks = s.batch * s.filters * p.windows, pixels = s.height * s.width;
    const simt::Workspace<double> squares(blocks);
    const simt::Workspace<T> gradients(s.batch * s.filters * pixels);
    const simt::Workspace<double> tap_sums(filter_gradient ? blocks * s.taps() : 0);
    const auto launch_all_windows = s.kernel == 3 ? launch_windows<3, T> : launch_windows<0, T>;
    launch_all_windows(p, s.batch, images, weights, squares.data(), gradients.data(),
                       filter_gradient ? tap_sums.data() : nullptr);
    const unsigned blocks_of_images = simt::blocks_for_stride_loop(s.batch * pixels, threads);
    const std::int64_t further_warps = s.batch + (filter_gradient ? s.filters * s.taps() : 0);
    simt::launch(add_up<T>, blocks_of_images + simt::blocks_for(further_warps, warps), threads, 0, p,
                 Sums<T>{s.batch, gradients.data(), squares.data(),
                         filter_gradient ? tap_sums.data() : nullptr, image_gradient, value, filter_gradient},
                 blocks_of_images);
}

DNSP_INSTANTIATE(filter_variance);

}  // namespace dnsp::kernels::cuda
