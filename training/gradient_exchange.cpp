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

GradientExchange::GradientExchange(const ShardSum& shards, const Tensor& gradients, const Tensor& received)
    : shards_(shards), gradients_(gradients), received_(received) {
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

void GradientExchange::send(std::int64_t first, std::int64_t count) {
    if (!thread_.joinable()) return sum({first, count, {}});
    {
        const std::lock_guard lock(mutex_);
        Piece& piece = pieces_.emplace_back();
        piece.first = first;
        piece.count = count;
        if (gradients_.device().kind == DeviceKind::cuda) piece.computed.emplace();
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
    if (all_summed_) all_summed_->wait();
}

void GradientExchange::sum(const Piece& piece) {
    shards_.total(piece.first, gradients_.view(piece.first, {piece.count}), received_);
}

void GradientExchange::communicate() {
    try {
        if (gradients_.device().kind == DeviceKind::cuda) {
            simt::select_device(gradients_.device().index);
            const simt::OwnStream stream;
            sum_pieces();
            all_summed_.emplace();
        } else {
            omp_set_num_threads(1);  // the other threads compute gradients
            sum_pieces();
        }
    } catch (...) {
        error_ = std::current_exception();
    }
}

void GradientExchange::sum_pieces() {
    for (;;) {
        std::deque<Piece> next;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return all_sent_ || !pieces_.empty(); });
            if (pieces_.empty()) return;
            next.swap(pieces_);
        }
        for (const Piece& piece : next) {
            if (piece.computed) piece.computed->wait();
            sum(piece);
        }
    }
}

}  // namespace dnsp
