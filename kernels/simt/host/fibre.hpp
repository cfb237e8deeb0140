#pragma once

#include <cstddef>

namespace dnsp::simt::host {

/// A flow of control with its own stack, which runs until it switches to another one. Every switch is
/// announced to AddressSanitizer.
class Fibre {
  public:
    using Entry = void (*)();

    /// Represents the constructing flow of control, until start() is called.
    Fibre() = default;
    ~Fibre();
    Fibre(const Fibre&) = delete;
    Fibre& operator=(const Fibre&) = delete;

    bool started() const { return stack_ != nullptr; }

    /// Makes the next switch to this fibre call `entry`, which must not return. Frames on the fibre's stack
    /// are dropped without running destructors.
    void start(Entry entry);

    /// Suspends this fibre, which must be running, and resumes `next`. Returns when another fibre switches
    /// back.
    void switch_to(Fibre& next);

    /// True if an address lies on the stack of this fibre, which must be running.
    bool owns(const void* address) const;

  private:
    struct Entrance;

    void* context_ = nullptr;
    std::byte* stack_ = nullptr;
    Entry entry_ = nullptr;
    bool entered_ = true;  ///< false from start() to the first switch

    // AddressSanitizer's description of the stack.
    void* fake_stack_ = nullptr;
    const void* stack_bottom_ = nullptr;
    std::size_t stack_bytes_ = 0;
};

}  // namespace dnsp::simt::host
