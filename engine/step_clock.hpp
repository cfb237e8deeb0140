#pragma once

#include "engine/memory.hpp"
#include "kernels/step_position.hpp"

namespace dnsp {

/// Epoch and step of a training run in device memory, where the kernels of a step read them.
class StepClock {
  public:
    explicit StepClock(Device device) : storage_(device, sizeof(kernels::StepPosition)) { set({}); }

    /// Takes effect after all kernels that were launched before the call.
    void set(const kernels::StepPosition& position) {
        copy_from_host(storage_, 0, &position, sizeof position);
    }
    kernels::StepPosition* position() const { return static_cast<kernels::StepPosition*>(storage_.data()); }

  private:
    Storage storage_;
};

}  // namespace dnsp
