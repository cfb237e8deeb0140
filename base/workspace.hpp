#pragma once

#include <cstdint>

#include "base/arena.hpp"

namespace dnsp::simt {

/// Temporary device memory for `count` elements from the caching arena. May be destroyed before the kernels
/// that use it have run: later work on the stream reuses the block after them.
template <class T>
class Workspace {
  public:
    explicit Workspace(std::int64_t count)
        : bytes_(static_cast<std::size_t>(count) * sizeof(T)),
          data_(static_cast<T*>(cuda_arena().allocate(bytes_))) {}
    ~Workspace() { cuda_arena().release(data_, bytes_); }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    T* data() const { return data_; }

  private:
    std::size_t bytes_;
    T* data_;
};

}  // namespace dnsp::simt
