#include "training/shards.hpp"

#include <fmt/format.h>

#include <bit>
#include <span>

#include "base/divide_up.hpp"
#include "base/error.hpp"
#include "base/parallel.hpp"

namespace dnsp {
namespace {

template <class T>
void add_to(std::span<T> sum, std::span<const T> more) {
    const auto count = std::ssize(sum);
#pragma omp parallel for simd schedule(static) if (parallel : count > parallel_grain)
    for (std::ptrdiff_t i = 0; i < count; ++i) sum.data()[i] += more.data()[i];
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

template <class T>
void ShardSum<T>::add(std::vector<T> values) {
    std::size_t level = 0;
    for (; level < sums_.size() && sums_[level]; ++level) {
        add_to<T>(*sums_[level], values);
        values = std::move(*sums_[level]);
        sums_[level].reset();
    }
    if (level == sums_.size()) sums_.emplace_back();
    sums_[level] = std::move(values);
}

template <class T>
std::vector<T> ShardSum<T>::total(std::size_t first, std::vector<T> last) const {
    for (const auto& part : sums_)
        if (part) add_to<T>(last, std::span(*part).subspan(first, last.size()));
    if (shards_.order() == ReductionOrder::fast)
        shards_.processes().add_up(std::span<T>(last));
    else
        add_between_processes(last);
    return last;
}

template <class T>
void ShardSum<T>::add_between_processes(std::vector<T>& sum) const {
    Processes& processes = shards_.processes();
    if (processes.count() == 1) return;
    const std::size_t size = sum.size(), count = static_cast<std::size_t>(processes.count());
    sum.resize(divide_up(size, count) * count);
    // Recursive halving: two processes exchange halves of what both have summed, and each goes on with the
    // sum of one half.
    std::vector<T> received(sum.size() / 2);
    std::vector<std::span<T>> kept{sum};
    for (int distance = 1; distance < processes.count(); distance *= 2) {
        const std::size_t half = kept.back().size() / 2;
        const auto lower = kept.back().first(half), upper = kept.back().last(half);
        const bool keeps_upper = (processes.rank() & distance) != 0;
        kept.push_back(keeps_upper ? upper : lower);
        processes.exchange(processes.rank() ^ distance, (keeps_upper ? lower : upper).data(), received.data(),
                           half * sizeof(T));
        add_to<T>(kept.back(), std::span(received).first(half));
    }
    // The same way back: they exchange their sums.
    for (int distance = processes.count() / 2; distance > 0; distance /= 2) {
        const std::span<T> own = kept.back();
        kept.pop_back();
        T* const others = own.data() == kept.back().data() ? own.data() + own.size() : kept.back().data();
        processes.exchange(processes.rank() ^ distance, own.data(), others, own.size_bytes());
    }
    sum.resize(size);
}

template class ShardSum<float>;
template class ShardSum<double>;

}  // namespace dnsp
