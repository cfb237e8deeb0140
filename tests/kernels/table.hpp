#pragma once

#include <vector>

#include "tests/kernels/devices.hpp"

namespace dnsp::testing {

/// Read-only entries of any type in device memory.
template <class T>
class Table {
  public:
    Table(On where, const std::vector<T>& entries) : host_(entries) {
        if (where == On::cpu) return;
        device_ = static_cast<T*>(simt::allocate(entries.size() * sizeof(T)));
        REQUIRE(device_ != nullptr);
        simt::copy_to_device(device_, entries.data(), entries.size() * sizeof(T));
    }
    ~Table() {
        if (device_) simt::release(device_);
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    const T* data() const { return device_ ? device_ : host_.data(); }

  private:
    std::vector<T> host_;
    T* device_ = nullptr;
};

}  // namespace dnsp::testing
