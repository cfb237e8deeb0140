#include "kernels/simt/host/warpgroup_products.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "kernels/simt/host/scheduler.hpp"

namespace dnsp::simt::host {
namespace {

constexpr int rows = 64, depth = 16, warpgroup_threads = 128;

/// An operand of `extent` × 16 elements, given by its descriptor.
class Operand {
  public:
    Operand(std::uint64_t descriptor, int extent, bool runs_along_extent)
        : start_(field(descriptor, 0)),
          leading_(field(descriptor, 16)),
          stride_(field(descriptor, 32)),
          length_(runs_along_extent ? extent : depth),
          rows_(runs_along_extent ? depth : extent) {
        if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0)
            fail("a matrix descriptor must have the 128-byte swizzle and no base offset");
    }
    /// Element `along` of row `across` and the following ones, which must lie in a chunk of 8.
    const std::byte* at(int along, int across, std::size_t elements) const {
        // In elements of 2 bytes: 64 per row of the pattern, 8 rows per pattern.
        const auto address = start_ + static_cast<std::uint32_t>(along % 64 * 2 + across % 8 * 128) +
                             static_cast<std::uint32_t>(along / 64) * leading_ +
                             static_cast<std::uint32_t>(across / 8) * stride_;
        return at_shared_address(swizzled_128_bytes(address), 2 * elements);
    }
    /// Appends the addresses of its chunks of 8 elements.
    void append_chunks(std::vector<const std::byte*>& chunks) const {
        for (int across = 0; across < rows_; ++across)
            for (int along = 0; along < length_; along += 8) chunks.push_back(at(along, across, 8));
    }

  private:
    static std::uint32_t field(std::uint64_t descriptor, int first_bit) {
        return static_cast<std::uint32_t>(descriptor >> first_bit & 0x3fff) << 4;
    }

    std::uint32_t start_, leading_, stride_;
    int length_, rows_;
};

std::vector<double> read_operand(std::uint64_t descriptor, int extent, bool runs_along_extent) {
    const Operand operand(descriptor, extent, runs_along_extent);
    std::vector<double> elements(static_cast<std::size_t>(extent * depth));
    for (int i = 0; i < extent; ++i)
        for (int k = 0; k < depth; ++k) {
            std::uint16_t bits = 0;
            std::memcpy(&bits, runs_along_extent ? operand.at(i, k, 1) : operand.at(k, i, 1), sizeof bits);
            elements[static_cast<std::size_t>(runs_along_extent ? k * extent + i : i * depth + k)] =
                static_cast<double>(std::bit_cast<float>(std::uint32_t{bits} << 16));
        }
    return elements;
}

/// Products of elements are exact; they are summed in double.
std::vector<double> multiply(const Product& p) {
    const auto a = read_operand(p.a, rows, p.a_runs_along_rows),
               b = read_operand(p.b, p.columns, p.b_runs_along_columns);
    const auto columns = static_cast<std::size_t>(p.columns);
    // Operands are stored as read: index first, or k first.
    const auto element = [](const std::vector<double>& of, bool k_first, std::size_t extent, std::size_t i,
                            std::size_t k) { return of[k_first ? k * extent + i : i * depth + k]; };
    std::vector<double> b_by_k(b.size()), d(rows * columns, 0.0);
    for (std::size_t k = 0; k < depth; ++k)
        for (std::size_t j = 0; j < columns; ++j)
            b_by_k[k * columns + j] = element(b, p.b_runs_along_columns, columns, j, k);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t k = 0; k < depth; ++k) {
            const double factor = element(a, p.a_runs_along_rows, rows, i, k);
            const double* from = b_by_k.data() + k * columns;
            double* to = d.data() + i * columns;
            for (std::size_t j = 0; j < columns; ++j) to[j] += factor * from[j];
        }
    return d;
}

int own_warpgroup_number() { return scheduler.thread().number / warpgroup_threads; }
WarpgroupProducts& own_warpgroup() {
    return scheduler.warpgroup(static_cast<std::size_t>(own_warpgroup_number()));
}

}  // namespace

void WarpgroupProducts::start(std::size_t index, const Product& product) {
    RaceDetector* const races = scheduler.races();
    if (index < first_ + products_.size()) {
        if (products_[index - first_].product != product)
            fail("threads of a warpgroup start different products");
    } else {
        products_.push_back({.product = product});
        if (races) {
            Operand(product.a, rows, product.a_runs_along_rows).append_chunks(products_.back().chunks);
            Operand(product.b, product.columns, product.b_runs_along_columns)
                .append_chunks(products_.back().chunks);
            races->start_product(products_.back().chunks);
        }
    }
    if (!races) return;
    Started& started = products_[index - first_];
    const int thread = scheduler.thread().number;
    // Neighbouring threads usually know the same.
    if (started.known == races->order.shared_known(thread)) return;
    races->check_operands(thread, started.chunks, started.cells);
    started.known = races->order.shared_known(thread);
}

const std::vector<double>& WarpgroupProducts::elements(std::size_t index) {
    Started& started = products_[index - first_];
    if (started.elements.empty()) {
        started.elements = multiply(started.product);
        if (RaceDetector* races = scheduler.races())
            started.read_at = races->land_product(own_warpgroup_number(), started.chunks);
    }
    return started.elements;
}

void WarpgroupProducts::taken(std::size_t index) {
    ++products_[index - first_].takers;
    while (!products_.empty() && products_.front().takers == warpgroup_threads) {
        products_.pop_front();
        ++first_;
    }
}

void ThreadProducts::clear() {
    started_.clear();
    sums_.clear();
    next_index_ = 0;
    groups_ = 0;
    fenced_ = false;
}

ThreadProducts::Sums& ThreadProducts::sums_at(float* target) {
    return *std::find_if(sums_.begin(), sums_.end(), [&](const Sums& s) { return s.target == target; });
}

void ThreadProducts::start(float* sums, bool accumulate, const Product& product) {
    const auto count = static_cast<std::size_t>(product.columns / 2);
    if (std::none_of(sums_.begin(), sums_.end(), [&](const Sums& s) { return s.target == sums; })) {
        if (!fenced_) fail("wgmma without wgmma_fence() before it");
        sums_.push_back({sums, {sums, sums + count}, 0});
        std::fill_n(sums, count, std::numeric_limits<float>::quiet_NaN());
    }
    ++sums_at(sums).in_flight;
    own_warpgroup().start(next_index_, product);
    started_.push_back({next_index_++, sums, accumulate, product.columns, groups_});
}

void ThreadProducts::land_groups(int remaining) {
    const int thread = scheduler.thread().number % warpgroup_threads, lane = thread % warpSize;
    const auto first_row = static_cast<std::size_t>(thread / warpSize * 16 + lane / 4),
               first_column = static_cast<std::size_t>(lane % 4 * 2);
    while (!started_.empty() && started_.front().group < groups_ - remaining) {
        const Started product = started_.front();
        started_.pop_front();
        const auto& elements = own_warpgroup().elements(product.index);
        const auto columns = static_cast<std::size_t>(product.columns);
        Sums& sums = sums_at(product.target);
        for (std::size_t i = 0; i < columns / 2; ++i) {
            const std::size_t row = first_row + i % 4 / 2 * 8, column = first_column + i / 4 * 8 + i % 2;
            const double before = product.accumulate ? static_cast<double>(sums.values[i]) : 0.0;
            sums.values[i] = static_cast<float>(before + elements[row * columns + column]);
        }
        if (RaceDetector* races = scheduler.races())
            races->order.learn(scheduler.thread().number, first_products + own_warpgroup_number(),
                               own_warpgroup().read_at(product.index));
        own_warpgroup().taken(product.index);
        if (--sums.in_flight > 0) continue;
        std::copy(sums.values.begin(), sums.values.end(), sums.target);
        sums_.erase(sums_.begin() + (&sums - sums_.data()));
        fenced_ = false;
    }
}

void fence_products() { scheduler.thread().products.fence(); }
void start_product(float* sums, bool accumulate, const Product& product) {
    scheduler.thread().products.start(sums, accumulate, product);
}
void commit_products() { scheduler.thread().products.commit(); }
void wait_products(int groups_that_may_remain) {
    exchange_in_warp(0xffffffffu, "wgmma_wait", nullptr, 0, nullptr);
    scheduler.thread().products.land_groups(groups_that_may_remain);
}

}  // namespace dnsp::simt::host
