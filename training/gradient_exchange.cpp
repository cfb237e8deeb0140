#include "training/gradient_exchange.hpp"

#include <omp.h>

#include <algorithm>

namespace dnsp {

FinishedGradients::FinishedGradients(const ParameterStore& store) : first_(store.gradients().elements()) {
    for (const auto& p : store.parameters())
        if (const auto& gradient = p.value.gradient_slot())
            unfinished_.push_back({&p.value, p.first, gradient.use_count()});
    std::ranges::sort(unfinished_, {}, &Parameter::first);
}

std::int64_t FinishedGradients::first() {
    for (; !unfinished_.empty(); unfinished_.pop_back()) {
        const Parameter& last = unfinished_.back();
        if (last.value->gradient_slot().use_count() > last.owners) break;
        first_ = last.first;
    }
    return first_;
}

GradientExchange::GradientExchange(const ShardSum<float>& shards, std::vector<float>& total)
    : shards_(shards), total_(total) {
    if (shards.shards().processes().count() > 1) thread_ = std::thread(&GradientExchange::communicate, this);
}

GradientExchange::~GradientExchange() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        pieces_.clear();  // nothing is left unless an exception ends the step
        all_sent_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void GradientExchange::send(std::size_t first, std::vector<float> last) {
    if (!thread_.joinable()) return sum({first, std::move(last)});
    {
        const std::lock_guard lock(mutex_);
        pieces_.push_back({first, std::move(last)});
    }
    changed_.notify_one();
}

void GradientExchange::finish() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        all_sent_ = true;
    }
    changed_.notify_one();
    thread_.join();
    if (error_) std::rethrow_exception(error_);
}

void GradientExchange::sum(Piece piece) {
    const std::vector<float> total = shards_.total(piece.first, std::move(piece.last));
    std::ranges::copy(total, total_.begin() + static_cast<std::ptrdiff_t>(piece.first));
}

void GradientExchange::communicate() {
    omp_set_num_threads(1);  // the other threads compute gradients
    for (;;) {
        Piece piece;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return all_sent_ || !pieces_.empty(); });
            if (pieces_.empty()) return;
            piece = std::move(pieces_.front());
            pieces_.pop_front();
        }
        try {
            sum(std::move(piece));
        } catch (...) {
            error_ = std::current_exception();
            return;
        }
    }
}

}  // namespace dnsp
