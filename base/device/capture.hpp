#pragma once

// Guards for operations that cannot be captured in a graph (runtime.hpp).
namespace dnsp::simt {

/// Throws CaptureError "[graph] <what> cannot be captured" while this thread captures a graph.
void require_not_capturing(const char* what);

/// Marks this thread as capturing a graph during the lifetime of the object.
class Capturing {
  public:
    Capturing();
    ~Capturing();
    Capturing(const Capturing&) = delete;
    Capturing& operator=(const Capturing&) = delete;
};

}  // namespace dnsp::simt
