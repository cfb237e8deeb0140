#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/arena.hpp"
#include "base/device/runtime.hpp"
#include "base/error.hpp"

namespace dnsp {

/// Work on the CUDA device, captured once and launched any number of times (simt::Graph), with the memory
/// that it uses. Preconditions: `work` has run once uncaptured, so that the arena has cached the blocks it
/// needs; it keeps none of the memory it allocates; all other memory it uses outlives the graph. Throws
/// CaptureError if CUDA, a library or the engine cannot capture an operation.
class Graph {
  public:
    explicit Graph(const std::function<void()>& work) : pool_(cuda_arena()) {
        try {
            pool_.record([&] { graph_ = std::make_unique<simt::Graph>(work); });
        } catch (const CaptureError&) {
            throw;
        } catch (const Error& error) {
            // CUDA, cuBLAS or cuDNN refuse an operation during capture: `work` has run uncaptured before.
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
