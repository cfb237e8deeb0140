#pragma once

#include <functional>
#include <memory>

#include "kernels/arena.hpp"
#include "kernels/simt/runtime.hpp"

namespace dnsp {

/// Work on the CUDA device, recorded once and started with one call as often as wanted (simt::Graph), with
/// the memory that it needs in between. `work` must have run before, so that the arena holds its blocks; it
/// keeps nothing of what it allocates, and names no other memory than what outlives the graph. Throws
/// CaptureError for work that cannot be recorded.
class Graph {
  public:
    explicit Graph(const std::function<void()>& work) : pool_(kernels::cuda::arena()) {
        pool_.record([&] { graph_ = std::make_unique<simt::Graph>(work); });
    }
    void launch() { graph_->launch(); }
    std::size_t size() const { return graph_->size(); }

  private:
    kernels::Arena::PrivatePool pool_;  // outlives the graph
    std::unique_ptr<simt::Graph> graph_;
};

}  // namespace dnsp
