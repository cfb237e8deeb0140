#include "base/device/capture.hpp"

#include <string>

#include "base/error.hpp"

namespace dnsp::simt {
namespace {

thread_local bool capturing = false;

}  // namespace

void require_not_capturing(const char* what) {
    if (capturing) throw CaptureError(std::string("[graph] ") + what + " cannot be captured");
}

Capturing::Capturing() {
    require_not_capturing("a graph within a graph");
    capturing = true;
}

Capturing::~Capturing() { capturing = false; }

}  // namespace dnsp::simt
