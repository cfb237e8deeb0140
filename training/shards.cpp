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

Shards::Shards(int count, Processes& processes) : count_(count), processes_(processes) {
    require(is_power_of_two(count), fmt::format("--shards {}: expected a power of two", count));
    require(is_power_of_two(processes.count()),
            fmt::format("{} processes cannot share {} shards of a batch: start a power of two of them",
                        processes.count(), count));
    require(
        processes.count() <= count,
        fmt::format("{} processes cannot share {} of a batch: start at most {}, or begin a run with more "
                    "--shards",
                    processes.count(), count == 1 ? "one shard" : fmt::format("{} shards", count), count));
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
std::vector<T> ShardSum<T>::total() {
    std::vector<T> sum = std::move(*sums_.back());
    Processes& processes = shards_.processes();
    if (processes.count() == 1) return sum;
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
    return sum;
}

template class ShardSum<float>;
template class ShardSum<double>;

}  // namespace dnsp
