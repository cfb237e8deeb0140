#pragma once

#include <cstdint>

#include "base/arena.hpp"

namespace dnsp::simt {

/// Device memory for the time of a call, for `count` elements, from the caching arena. What later calls on
/// the stream do to the block comes after what this one has started.
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
