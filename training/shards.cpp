#include "training/shards.hpp"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "base/error.hpp"
#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"

namespace dnsp {
namespace {

/// sum += more
void add_to(const Tensor& sum, const Tensor& more) {
    dispatch(sum.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(sum.device(), add<T>)
        (sum.elements(), sum.data<T>(), more.data<T>(), sum.data<T>());
    });
}

bool is_power_of_two(int number) { return number > 0 && std::has_single_bit(static_cast<unsigned>(number)); }

}  // namespace

Shards::Shards(int count, Processes& processes, ReductionOrder order)
    : count_(count), processes_(processes), order_(order) {
    const std::string shards = count == 1 ? "one shard" : fmt::format("{} shards", count),
                      cannot =
                          fmt::format("{} processes cannot share {} of a batch", processes.count(), shards);
    require(count > 0, fmt::format("--shards {}: expected a positive number", count));
    if (order == ReductionOrder::fast) {
        require(count % processes.count() == 0, cannot + ": --shards must be a multiple of them");
        return;
    }
    require(is_power_of_two(count),
            fmt::format("--shards {}: expected a power of two, or --reduce fast", count));
    require(is_power_of_two(processes.count()),
            cannot + " in a fixed order: start a power of two of them, or choose --reduce fast");
    require(processes.count() <= count,
            fmt::format("{}: start at most {}, or begin a run with more --shards", cannot, count));
}

void ShardSum::add(const Tensor& values) {
    Tensor sum = Tensor::empty_like(values);
    sum.copy_from(values);
    std::size_t level = 0;
    for (; level < sums_.size() && sums_[level].defined(); ++level) {
        add_to(sums_[level], sum);
        sum = std::exchange(sums_[level], {});
    }
    if (level == sums_.size()) sums_.emplace_back();
    sums_[level] = std::move(sum);
}

void ShardSum::total(std::int64_t first, const Tensor& last, const Tensor& received) const {
    for (const Tensor& part : sums_)
        if (part.defined()) add_to(last, part.view(first, last.shape()));
    if (shards_.order() == ReductionOrder::fast)
        shards_.processes().add_up(last);
    else
        add_between_processes(last, received);
}

void ShardSum::total(const Tensor& last) const {
    total(0, last, Tensor::empty({elements_received(last.elements())}, last.dtype(), last.device()));
}

void ShardSum::add_between_processes(const Tensor& sum, const Tensor& received) const {
    Processes& processes = shards_.processes();
    struct Halves {
        Tensor own, other;
    };
    std::vector<Halves> halves;
    // Recursive halving: two processes exchange halves of what both have summed, and each goes on with the
    // sum of one half.
    Tensor whole = sum;
    for (int distance = 1; distance < processes.count(); distance *= 2) {
        const std::int64_t half = whole.elements() / 2;
        Tensor own = whole.view(0, {half}), other = whole.view(half, {whole.elements() - half});
        if ((processes.rank() & distance) != 0) std::swap(own, other);
        const Tensor incoming = received.view(0, own.shape());
        processes.exchange(processes.rank() ^ distance, other, incoming);
        add_to(own, incoming);
        halves.push_back({own, other});
        whole = own;
    }
    // The same way back: they exchange their sums.
    for (int distance = processes.count() / 2; distance > 0; distance /= 2) {
        processes.exchange(processes.rank() ^ distance, halves.back().own, halves.back().other);
        halves.pop_back();
    }
}

}  // namespace dnsp
