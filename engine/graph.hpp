#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/arena.hpp"
#include "base/device/runtime.hpp"
#include "base/error.hpp"

namespace dnsp {

/// Work on the CUDA device, recorded once and started with one call as often as wanted (simt::Graph), with
/// the memory that it needs in between. `work` must have run before, so that the arena holds its blocks; it
/// keeps nothing of what it allocates, and names no other memory than what outlives the graph. Throws
/// CaptureError for work that cannot be recorded, whoever refuses it.
class Graph {
  public:
    explicit Graph(const std::function<void()>& work) : pool_(cuda_arena()) {
        try {
            pool_.record([&] { graph_ = std::make_unique<simt::Graph>(work); });
        } catch (const CaptureError&) {
            throw;
        } catch (const Error& error) {
            // What CUDA, cuBLAS or cuDNN refuse while a graph is recorded; `work` has run without one.
            throw CaptureError(std::string("[graph] cannot be recorded: ") + error.what());
        }
    }
    void launch() { graph_->launch(); }
    std::size_t size() const { return graph_->size(); }

  private:
    Arena::PrivatePool pool_;  // outlives the graph
    std::unique_ptr<simt::Graph> graph_;
};

}  // namespace dnsp
