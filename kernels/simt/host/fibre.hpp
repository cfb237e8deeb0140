#pragma once

#include <cstddef>

namespace dnsp::simt::host {

/// A flow of control with a stack of its own, which runs until it switches to another one. AddressSanitizer
/// is told of every switch.
class Fibre {
  public:
    using Entry = void (*)();

    /// Stands for the flow of control that constructs it until start() gives it its own.
    Fibre() = default;
    ~Fibre();
    Fibre(const Fibre&) = delete;
    Fibre& operator=(const Fibre&) = delete;

    bool started() const { return stack_ != nullptr; }

    /// The next switch to this fibre calls `entry`, which must not return. Whatever the fibre was in the
    /// middle of is dropped without running destructors; its stack is used again.
    void start(Entry entry);

    /// Suspends this fibre, which must be the running one, and goes on with `next`; returns when another
    /// fibre switches back.
    void switch_to(Fibre& next);

    /// Whether an address lies on the stack of this fibre, which must be the running one.
    bool owns(const void* address) const;

  private:
    struct Entrance;

    void* context_ = nullptr;
    std::byte* stack_ = nullptr;
    Entry entry_ = nullptr;
    bool entered_ = true;  ///< false from start() to the first switch

    // What AddressSanitizer knows the stack by.
    void* fake_stack_ = nullptr;
    const void* stack_bottom_ = nullptr;
    std::size_t stack_bytes_ = 0;
};

}  // namespace dnsp::simt::host
