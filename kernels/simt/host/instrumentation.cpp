// The functions that -fsanitize=thread makes the compiler call, in place of ThreadSanitizer's: kernels report
// their accesses to memory. Those to shared memory go to the scheduler, and those to global memory if the
// launch looks for races.
#include <cstddef>
#include <cstring>

#include "kernels/simt/host/scheduler.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier): the compiler chose the names.
namespace {

using dnsp::simt::host::Access;

inline void note(Access kind, const void* address, std::size_t bytes) {
    using dnsp::simt::host::scheduler;
    if (scheduler.may_be_shared(address)) [[unlikely]]
        scheduler.note_access(kind, static_cast<const std::byte*>(address), bytes);
    else if (dnsp::simt::host::watches_global_memory) [[unlikely]]
        scheduler.note_global_access(kind, static_cast<const std::byte*>(address), bytes);
}

}  // namespace

extern "C" {

void __tsan_init() { dnsp::simt::host::kernels_report_accesses = true; }
void __tsan_func_entry(void* /*caller*/) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void* /*place*/, void* /*value*/) {}
void __tsan_vptr_read(void* /*place*/) {}

#define DNSP_ACCESS(bytes)                                                                   \
    void __tsan_read##bytes(void* address) { note(Access::read, address, bytes); }           \
    void __tsan_write##bytes(void* address) { note(Access::write, address, bytes); }         \
    void __tsan_unaligned_read##bytes(void* address) { note(Access::read, address, bytes); } \
    void __tsan_unaligned_write##bytes(void* address) { note(Access::write, address, bytes); }
DNSP_ACCESS(1)
DNSP_ACCESS(2)
DNSP_ACCESS(4)
DNSP_ACCESS(8)
DNSP_ACCESS(16)
#undef DNSP_ACCESS
void __tsan_read_range(void* address, long bytes) {
    note(Access::read, address, static_cast<std::size_t>(bytes));
}
void __tsan_write_range(void* address, long bytes) {
    note(Access::write, address, static_cast<std::size_t>(bytes));
}

// Clang calls these instead of the C library's.
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
    note(Access::read, from, bytes);
    note(Access::write, to, bytes);
    return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
    note(Access::read, from, bytes);
    note(Access::write, to, bytes);
    return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, std::size_t bytes) {
    note(Access::write, to, bytes);
    return std::memset(to, value, bytes);
}

// The host's code in the files of kernels uses these. Kernels use CUDA's atomics (atomics.hpp).
#define DNSP_ATOMIC(bits, T)                                          \
    T __tsan_atomic##bits##_load(const volatile T* at, int) {         \
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);                 \
    }                                                                 \
    void __tsan_atomic##bits##_store(volatile T* at, T value, int) {  \
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                \
    }                                                                 \
    T __tsan_atomic##bits##_exchange(volatile T* at, T value, int) {  \
        return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);      \
    }                                                                 \
    T __tsan_atomic##bits##_fetch_add(volatile T* at, T value, int) { \
        return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);       \
    }                                                                 \
    T __tsan_atomic##bits##_fetch_sub(volatile T* at, T value, int) { \
        return __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);       \
    }
DNSP_ATOMIC(8, char)
DNSP_ATOMIC(32, int)
DNSP_ATOMIC(64, long)
#undef DNSP_ATOMIC

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
