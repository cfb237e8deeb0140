#pragma once

// wgmma: asynchronous products of 64 × 16 by 16 × columns matrices in shared memory, started by 128 threads
// together. Operands are read when the first thread waits. Sums are NaN until all products that add to them
// have been waited for.
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "kernels/simt/host/race_detector.hpp"

namespace dnsp::simt::host {

struct Product {
    std::uint64_t a, b;  ///< descriptors (ptx.cuh)
    int columns;
    bool a_runs_along_rows, b_runs_along_columns;

    bool operator==(const Product&) const = default;
};

/// State shared by the threads of a warpgroup.
class WarpgroupProducts {
  public:
    void clear() { products_.clear(), first_ = 0; }
    /// Starts a thread's product number `index`.
    void start(std::size_t index, const Product& product);
    /// The 64 × columns elements of a product. Each thread takes them once, in order.
    const std::vector<double>& elements(std::size_t index);
    /// For the race detector: when its operands were read.
    Clock read_at(std::size_t index) const { return products_[index - first_].read_at; }
    void taken(std::size_t index);

  private:
    struct Started {
        Product product;
        std::vector<double> elements{};
        int takers = 0;
        // For the race detector: 16-byte chunks of the operands, and what the last starting thread knew.
        std::vector<const std::byte*> chunks{};
        OperandCells cells{};
        SharedKnowledge known{};
        Clock read_at = 0;
    };
    std::deque<Started> products_;
    std::size_t first_ = 0;  ///< index of the first product
};

/// The products of one thread.
class ThreadProducts {
  public:
    bool empty() const { return started_.empty(); }
    void clear();
    void fence() { fenced_ = true; }
    void start(float* sums, bool accumulate, const Product& product);
    void commit() { ++groups_; }
    void land_groups(int remaining);

  private:
    struct Sums {
        float* target;
        std::vector<float> values;
        int in_flight;
    };
    struct Started {
        std::size_t index;
        float* target;
        bool accumulate;
        int columns, group;
    };
    Sums& sums_at(float* target);

    std::deque<Started> started_;
    std::vector<Sums> sums_;
    std::size_t next_index_ = 0;
    int groups_ = 0;
    bool fenced_ = false;
};

// ---- For the running thread

void fence_products();
/// sums = (accumulate ? sums : 0) + A·B. A thread owns columns / 2 elements.
void start_product(float* sums, bool accumulate, const Product& product);
void commit_products();
/// Also synchronises the lanes of the warp, as all warpgroup operations do on the device.
void wait_products(int groups_that_may_remain);

}  // namespace dnsp::simt::host
