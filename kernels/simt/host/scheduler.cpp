#include "kernels/simt/host/scheduler.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/device/runtime.hpp"
#include "kernels/simt/host/symbol_names.hpp"

namespace dnsp::simt::host {

Scheduler scheduler;
bool kernels_report_accesses = false;
thread_local bool watches_global_memory = false;

namespace {

constexpr std::size_t static_shared_limit = 48 << 10;

void check_launch(dim3 grid, dim3 block, std::size_t shared_bytes) {
    const auto count = [](dim3 d) { return std::uint64_t(d.x) * d.y * d.z; };
    require(
        std::max(block.x, block.y) <= 1024 && block.z <= 64 && count(block) >= 1 && count(block) <= 1024,
        "[CUDA emulator] a block has 1 to 1024 threads, at most 64 of them in z; asked for " + text(block));
    require(count(grid) >= 1 && grid.x <= 0x7fffffffu && std::max(grid.y, grid.z) <= 65535,
            "[CUDA emulator] a grid has 1 to 2147483647 × 65535 × 65535 blocks; asked for " + text(grid));
    require(shared_bytes <= max_shared_memory_per_block(),
            "[CUDA emulator] a block has at most " + std::to_string(max_shared_memory_per_block()) +
                " bytes of shared memory; asked for " + std::to_string(shared_bytes));
}

}  // namespace

// ---- The launch

void Scheduler::run(dim3 grid, dim3 block, std::size_t shared_bytes, void (*body)(void*), void* argument,
                    const void* kernel) {
    std::lock_guard lock(one_launch_);
    if (const ThreadOrder wanted = thread_order(); wanted.changes != order_.changes) {
        order_ = wanted;
        random_ = Random(wanted.seed);
        accesses_until_preemption_ = 1;
    }
    check_launch(grid, block, shared_bytes);
    body_ = body;
    argument_ = argument;
    kernel_ = kernel;
    detects_races_ = kernels_report_accesses && race_detection();
    gridDim = grid;
    blockDim = block;
    dynamic_shared_ = std::make_unique_for_overwrite<std::byte[]>(shared_bytes);
    dynamic_shared_bytes_ = shared_bytes;

    thread_count_ = static_cast<int>(block.x * block.y * block.z);
    for (int i = 0; i < thread_count_; ++i) {
        const auto n = static_cast<unsigned>(i);
        threads_[i].number = i;
        threads_[i].index = {n % block.x, n / block.x % block.y, n / block.x / block.y};
        if (!threads_[i].fibre.started()) threads_[i].fibre.start(&thread_main);
    }

    const std::uint64_t blocks = this->blocks();
    if (order_.order == Order::random) {
        random_blocks_.resize(blocks);
        std::iota(random_blocks_.begin(), random_blocks_.end(), std::uint64_t(0));
        for (std::uint64_t i = blocks; i > 1; --i)
            std::swap(random_blocks_[i - 1], random_blocks_[random_.below(i)]);
    }
    if (kernels_report_accesses) dynamic_part_.extend(dynamic_shared_.get(), shared_bytes);
    struct Reports {
        Scheduler& scheduler;
        ~Reports() {
            scheduler.dynamic_part_.clear(), scheduler.static_part_.clear();
            watches_global_memory = false;
        }
    } const until_return{*this};
    if (detects_races_) {
        global_races_.start_launch(running_block + 1);
        watches_global_memory = true;
    }
    run_blocks(blocks);
}

void Scheduler::run_blocks(std::uint64_t blocks) {
    for (std::uint64_t turn = 0; turn < blocks; ++turn) {
        blockIdx = index_of_block(turn);
        run_block();
    }
}

uint3 Scheduler::index_of_block(std::uint64_t turn) const {
    const std::uint64_t n = choose_block(turn, blocks());
    return {static_cast<unsigned>(n % gridDim.x), static_cast<unsigned>(n / gridDim.x % gridDim.y),
            static_cast<unsigned>(n / gridDim.x / gridDim.y)};
}

std::string Scheduler::name_of_block(std::uint64_t turn) const {
    return "block " + text(index_of_block(turn));
}

void Scheduler::start_block() {
    ++running_block;
    static_shared_bytes_ = 0;
    std::memset(dynamic_shared_.get(), 0xFF, dynamic_shared_bytes_);
    if (kernels_report_accesses)
        races_.start_block(thread_count_, dynamic_shared_.get(), dynamic_shared_bytes_, detects_races_);
    for (int i = 0; i < thread_count_; ++i) {
        threads_[i].state = State::ready;
        threads_[i].unfenced = {};
    }
    ready_.fill(thread_count_);
    waiting_lanes_.fill(0);
    barrier_ = {};
    barriers_.clear();
    for (WarpgroupProducts& products : warpgroups_) products.clear();
    returned_ = 0;
}

void Scheduler::run_block() {
    start_block();
    launcher_.switch_to(choose_next());

    for (const auto& [place, barrier] : barriers_.in_memory)
        if (!error_ && barrier.has_unread_copies())
            error_ = std::make_exception_ptr(Error("[CUDA emulator] block " + text(blockIdx) +
                                                   " ends with a bulk copy that no thread waited for"));
    if (!error_) return;
    for (int i = 0; i < thread_count_; ++i) {
        threads_[i].fibre.start(&thread_main);
        threads_[i].forget_what_is_in_flight();
    }
    std::rethrow_exception(std::exchange(error_, nullptr));
}

// ---- Switching between threads

const char* Thread::in_flight() const {
    if (!copies.empty()) return "asynchronous copies";
    if (!stores.empty()) return "bulk stores";
    return products.empty() ? nullptr : "products";
}

void Thread::forget_what_is_in_flight() {
    copies.clear();
    stores.clear();
    products.clear();
}

/// The loop of every fibre: runs the launch's body once for each of its blocks.
void Scheduler::thread_main() {
    for (;;) {
        try {
            scheduler.body_(scheduler.argument_);
            if (const char* left = scheduler.running_->in_flight())
                fail(std::string("returns without waiting for its ") + left);
        } catch (...) {
            scheduler.error_ = std::current_exception();
        }
        scheduler.return_from_thread();
    }
}

void Scheduler::return_from_thread() {
    Thread& me = *running_;
    me.forget_what_is_in_flight();
    me.state = State::returned;
    ready_.erase(me.number);
    ++returned_;
    me.fibre.switch_to(choose_next());
}

void Scheduler::wait() {
    Thread& me = *running_;
    Fibre& next = choose_next();
    if (&next != &me.fibre) me.fibre.switch_to(next);
}

/// Returns the launcher's fibre if the block has finished or is deadlocked.
Fibre& Scheduler::choose_next() {
    if (!error_ && ready_.empty() && returned_ < thread_count_)
        error_ = std::make_exception_ptr(Error(describe_stall()));
    if (error_ || ready_.empty()) {
        running_ = nullptr;
        return launcher_;
    }
    running_ = &threads_[choose_thread()];
    threadIdx = running_->index;
    return running_->fibre;
}

int Scheduler::choose_thread() {
    switch (order_.order) {
        case Order::forward:
            return ready_.first();
        case Order::reverse:
            return ready_.last();
        case Order::random:
            break;
    }
    return ready_.at(static_cast<int>(random_.below(static_cast<std::uint64_t>(ready_.size()))));
}

std::uint64_t Scheduler::choose_block(std::uint64_t turn, std::uint64_t blocks) const {
    switch (order_.order) {
        case Order::forward:
            return turn;
        case Order::reverse:
            return blocks - 1 - turn;
        case Order::random:
            break;
    }
    return random_blocks_[turn];
}

// ---- Shared memory

namespace {
constexpr std::size_t dynamic_shared_alignment = 1024;
}  // namespace

void Scheduler::enter_shared_array(void* elements, std::size_t bytes) {
    if (thread().fibre.owns(elements)) fail("a SharedArray is not declared __shared__");
    static_shared_bytes_ += bytes;
    // Dynamic shared memory begins at a multiple of its alignment (kernels/simt/shared.cuh).
    const std::size_t before_dynamic = dynamic_shared_bytes_ == 0
                                           ? static_shared_bytes_
                                           : (static_shared_bytes_ + dynamic_shared_alignment - 1) /
                                                 dynamic_shared_alignment * dynamic_shared_alignment;
    const std::size_t limit = max_shared_memory_per_block();
    if (static_shared_bytes_ > static_shared_limit || before_dynamic + dynamic_shared_bytes_ > limit)
        fail("more shared memory is used than a block has: 48 KiB of it static, " +
             std::to_string(limit >> 10) + " KiB in all");
    std::memset(elements, 0xFF, bytes);
    if (!kernels_report_accesses) return;
    static_part_.extend(elements, bytes);
    races_.add_array(static_cast<const std::byte*>(elements), bytes);
}

void* Scheduler::dynamic_shared_bytes(std::size_t offset, std::size_t bytes) {
    thread();
    if (offset > dynamic_shared_bytes_ || bytes > dynamic_shared_bytes_ - offset)
        fail("dynamic shared memory of " + std::to_string(bytes) + " bytes from byte " +
             std::to_string(offset) + " on is used, the launch asks for " +
             std::to_string(dynamic_shared_bytes_));
    return dynamic_shared_.get() + offset;
}

namespace {
/// Start of dynamic shared memory. Not 0, so that offsets are not mistaken for addresses.
constexpr std::uint32_t first_shared_address = 1024;
}  // namespace

std::uint32_t Scheduler::shared_address(const void* pointer, std::size_t bytes) {
    thread();
    const std::byte *begin = dynamic_shared_.get(), *at = static_cast<const std::byte*>(pointer);
    if (at < begin || at > begin + dynamic_shared_bytes_ ||
        bytes > static_cast<std::size_t>(begin + dynamic_shared_bytes_ - at))
        fail(std::to_string(bytes) + " bytes do not lie in the block's dynamic shared memory");
    return first_shared_address + static_cast<std::uint32_t>(at - begin);
}

std::byte* Scheduler::at_shared_address(std::uint32_t address, std::size_t bytes) {
    if (address < first_shared_address || address - first_shared_address + bytes > dynamic_shared_bytes_)
        fail("a matrix or a box reaches beyond the block's dynamic shared memory");
    return dynamic_shared_.get() + (address - first_shared_address);
}

// ---- Accesses to shared memory

void Scheduler::Part::extend(const void* first, std::size_t bytes) {
    const auto begin = reinterpret_cast<std::uintptr_t>(first), end = begin + bytes;
    const std::uintptr_t old_end = begin_ + bytes_;
    begin_ = bytes_ == 0 ? begin : std::min<std::uintptr_t>(begin, begin_);
    bytes_ = (bytes_ == 0 ? end : std::max(end, old_end)) - begin_;
}

void Scheduler::note_access(Access kind, const std::byte* first, std::size_t bytes) {
    if (!running_ || !races_.is_shared(first)) return;
    if (detects_races_) {
        try {
            races_.access(running_->number, kind, first, bytes);
        } catch (...) {
            error_ = std::current_exception();
        }
        // The launcher drops the frames of all threads.
        if (error_) wait();
    }
    if (order_.order == Order::random && --accesses_until_preemption_ == 0) {
        constexpr std::uint64_t mean_distance = 64;
        accesses_until_preemption_ = 1 + random_.below(2 * mean_distance);
        wait();
    }
}

void Scheduler::note_global_access(Access kind, const std::byte* first, std::size_t bytes) {
    if (!running_) return;
    try {
        global_races_.access(running_->number, kind, first, bytes);
    } catch (...) {
        error_ = std::current_exception();
    }
    if (error_) wait();  // the launcher drops the frames of all threads
}

std::string Scheduler::kernel_name() const {
    const std::string name = kernel_ ? symbol_name(kernel_) : "";
    return name.empty() ? "a kernel" : name;
}

bool Scheduler::has_unfenced_writes(const std::byte* first, std::size_t bytes) const {
    return std::any_of(threads_.get(), threads_.get() + thread_count_,
                       [&](const Thread& thread) { return thread.unfenced.overlap(first, bytes); });
}

}  // namespace dnsp::simt::host
