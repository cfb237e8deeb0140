#pragma once

// What Graph (runtime.hpp) tells the functions that a graph cannot hold.
namespace dnsp::simt {

/// Throws CaptureError while this thread records a graph: "[graph] <what> cannot be recorded".
void require_not_capturing(const char* what);

/// Makes this thread one that records, for as long as it lives.
class Capturing {
  public:
    Capturing();
    ~Capturing();
    Capturing(const Capturing&) = delete;
    Capturing& operator=(const Capturing&) = delete;
};

}  // namespace dnsp::simt
