#include "kernels/simt/host/fibre.hpp"

#include <sys/mman.h>

#include <atomic>
#include <boost/context/detail/fcontext.hpp>

#include "base/error.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define DNSP_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DNSP_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(DNSP_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace dnsp::simt::host {
namespace {

namespace context = boost::context::detail;

constexpr std::size_t guard_bytes = 4 << 10, stack_bytes = 128 << 10;

// Stacks with equal page offsets would compete for the same cache sets.
constexpr std::size_t colours = 32, colour_bytes = 192;
std::atomic<std::size_t> stacks_made = 0;

/// Passed to the fibre that is switched to. Lives on the suspended fibre's stack.
struct Switch {
    Fibre* from;
    Fibre* to;
};

std::byte* map_stack() {
    void* memory = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(memory != MAP_FAILED, "[CUDA emulator] no memory for the stack of a thread");
    if (mprotect(memory, guard_bytes, PROT_NONE) != 0) {
        munmap(memory, guard_bytes + stack_bytes);
        throw Error("[CUDA emulator] the stack of a thread cannot be guarded");
    }
    return static_cast<std::byte*>(memory) + guard_bytes;
}

}  // namespace

struct Fibre::Entrance {
    /// Runs on the stack of the new fibre, directly after the switch.
    static Fibre& arrive(context::transfer_t transfer) {
        const Switch both = *static_cast<Switch*>(transfer.data);
        both.from->context_ = transfer.fctx;
#if defined(DNSP_ADDRESS_SANITIZER)
        __sanitizer_finish_switch_fiber(both.to->fake_stack_, &both.from->stack_bottom_,
                                        &both.from->stack_bytes_);
#endif
        return *both.to;
    }

    static void begin(context::transfer_t transfer) {
        Fibre& me = arrive(transfer);
        me.entered_ = true;
        me.entry_();
    }
};

Fibre::~Fibre() {
    if (stack_) munmap(stack_ - guard_bytes, guard_bytes + stack_bytes);
}

void Fibre::start(Entry entry) {
    if (!stack_) {
        stack_ = map_stack();
        stack_bottom_ = stack_;
        stack_bytes_ = stack_bytes - stacks_made++ % colours * colour_bytes;
    }
#if defined(DNSP_ADDRESS_SANITIZER)
    // The dropped frames left red zones on the stack.
    __asan_unpoison_memory_region(stack_, stack_bytes);
    fake_stack_ = nullptr;
#endif
    entry_ = entry;
    entered_ = false;
    context_ = context::make_fcontext(stack_ + stack_bytes_, stack_bytes_, &Entrance::begin);
}

void Fibre::switch_to(Fibre& next) {
    Switch both{this, &next};
#if defined(DNSP_ADDRESS_SANITIZER)
    __sanitizer_start_switch_fiber(&fake_stack_, next.stack_bottom_, next.stack_bytes_);
#endif
    // jump_fcontext would suffice, but it jumps instead of returning. The processor then mispredicts every
    // following return, and a switch takes three times as long. The function called by ontop_fcontext
    // returns.
    const auto transfer =
        next.entered_ ? context::ontop_fcontext(next.context_, &both, [](context::transfer_t t) { return t; })
                      : context::jump_fcontext(next.context_, &both);
    Entrance::arrive(transfer);
}

bool Fibre::owns(const void* address) const {
#if defined(DNSP_ADDRESS_SANITIZER)
    // With use-after-return detection, AddressSanitizer keeps local variables on a separate stack.
    if (__asan_addr_is_in_fake_stack(__asan_get_current_fake_stack(), const_cast<void*>(address), nullptr,
                                     nullptr))
        return true;
#endif
    const auto* byte = static_cast<const std::byte*>(address);
    return stack_ && byte >= stack_ && byte < stack_ + stack_bytes;
}

}  // namespace dnsp::simt::host
