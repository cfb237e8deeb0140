// Barriers, warp operations, and the report of a deadlock.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <map>

#include "kernels/simt/host/scheduler.hpp"

namespace dnsp::simt::host {
namespace {

bool same(const char* operation, const char* other) {
    return operation == other || std::strcmp(operation, other) == 0;
}

template <class Body>
void for_each_lane(unsigned mask, Body body) {
    for (; mask != 0; mask &= mask - 1) body(std::countr_zero(mask));
}

}  // namespace

bool WarpCall::meets(const WarpCall& other) const {
    return mask == other.mask && bytes == other.bytes && same(operation, other.operation);
}

/// True for __syncwarp and wgmma_wait, which exchange no values, and for matrices that a warp loads or stores
/// together. "These intrinsics do not imply a memory barrier", says the CUDA C++ Programming Guide of
/// shuffles, votes and reductions.
bool WarpCall::orders_memory() const { return bytes == 0 || std::strstr(operation, "matrix") != nullptr; }

int Scheduler::synchronise_block(const char* operation, bool predicate) {
    Thread& me = thread();
    if (barrier_.waiting > 0 && !same(operation, barrier_.operation))
        fail("threads meet at different barriers");
    barrier_.operation = operation;
    barrier_.predicates += predicate;
    if (++barrier_.waiting < thread_count_) {
        me.state = State::at_barrier;
        ready_.erase(me.number);
    } else {
        barrier_ = {.operation = operation, .waiting = 0, .predicates = 0, .result = barrier_.predicates};
        if (detects_races_) races_.order.synchronise_block();
        for (int i = 0; i < thread_count_; ++i) threads_[i].state = State::ready;
        ready_.fill(thread_count_);
    }
    wait();
    return barrier_.result;
}

void Scheduler::exchange_in_warp(const WarpCall& call) {
    Thread& me = thread();
    const int own = me.number % warpSize;
    Thread* lanes = &me - own;
    unsigned& waiting = waiting_lanes_[static_cast<std::size_t>(me.number / warpSize)];
    const unsigned own_bit = 1u << own, others = call.mask & ~own_bit;
    const int lanes_there = std::min(warpSize, thread_count_ - lanes->number);
    if ((call.mask & own_bit) == 0) fail("the mask of a warp operation lacks the calling lane");
    if (lanes_there < warpSize && call.mask >> lanes_there != 0)
        fail("the mask of a warp operation names lanes outside the block");

    me.call = call;
    const unsigned there = others & waiting;
    // Checking one lane finds mismatches early. All lanes are checked once none is missing.
    const bool may_be_complete = there == others;
    if (waits_with(call, own, lanes, may_be_complete ? others : there & -there) && may_be_complete) {
        if (detects_races_ && call.orders_memory()) races_.order.synchronise_lanes(lanes->number, call.mask);
        deliver(call, lanes);
        waiting &= ~others;
        for_each_lane(others, [&](int i) {
            lanes[i].state = State::ready;
            ready_.insert(lanes[i].number);
        });
    } else {
        me.state = State::in_warp_operation;
        waiting |= own_bit;
        ready_.erase(me.number);
    }
    wait();
}

/// True if all of `others` wait in this call. A lane whose mask lacks the caller is still in an earlier
/// operation. A lane whose mask contains the caller can be released by this call only.
bool Scheduler::waits_with(const WarpCall& call, int caller, const Thread* lanes, unsigned others) {
    bool all = true;
    for_each_lane(others, [&](int i) {
        const WarpCall& other = lanes[i].call;
        if ((other.mask >> caller & 1u) == 0)
            all = false;
        else if (!other.meets(call))
            fail("lanes meet in different warp operations or with different masks");
    });
    return all;
}

/// Gathers the values in the last lane's array and copies it to the other lanes.
void Scheduler::deliver(const WarpCall& last, const Thread* lanes) {
    if (last.bytes == 0) return;
    auto* everyone = static_cast<std::byte*>(last.everyone);
    for_each_lane(last.mask, [&](int i) {
        std::memcpy(everyone + static_cast<std::size_t>(i) * last.bytes, lanes[i].call.mine, last.bytes);
    });
    for_each_lane(last.mask, [&](int i) {
        if (lanes[i].call.everyone != everyone)
            std::memcpy(lanes[i].call.everyone, everyone, warpSize * last.bytes);
    });
}

void Scheduler::enlist(WaitList& list) {
    Thread& me = thread();
    me.state = State::in_wait_list;
    me.list = &list;
    list.threads.push_back(me.number);
    ready_.erase(me.number);
}

void Scheduler::release(WaitList& list) {
    for (const int number : list.threads) {
        threads_[number].state = State::ready;
        ready_.insert(number);
    }
    list.threads.clear();
}

std::string Scheduler::describe_stall() const {
    std::map<std::string, int> waiting;  // barriers are listed before warp operations
    for (int i = 0; i < thread_count_; ++i) {
        const Thread& thread = threads_[i];
        if (thread.state == State::at_barrier) ++waiting[std::string(" at ") + barrier_.operation];
        if (thread.state == State::in_wait_list) ++waiting[thread.list->description()];
        if (thread.state == State::in_warp_operation) {
            char mask[16];
            std::snprintf(mask, sizeof mask, "0x%08x", thread.call.mask);
            ++waiting[std::string(" in ") + thread.call.operation + " with mask " + mask];
        }
    }
    std::string out = "[CUDA emulator] stalled: block " + text(blockIdx) + ":";
    for (const auto& [where, count] : waiting)
        out += " " + std::to_string(count) + (count == 1 ? " thread waits" : " threads wait") + where + ",";
    return out + " " + std::to_string(returned_) + (returned_ == 1 ? " has returned" : " have returned");
}

}  // namespace dnsp::simt::host
