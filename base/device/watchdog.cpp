#include "base/device/watchdog.hpp"

namespace dnsp::simt {
namespace {

const char* text(WaitsFor what) {
    switch (what) {
        case WaitsFor::readers:
            return "the readers of a stage to release it";
        case WaitsFor::copies:
            return "copies into shared memory";
        case WaitsFor::unnamed:
            break;
    }
    return "a phase to end";
}

}  // namespace

std::string watchdog_text(std::uint64_t report) {
    if (report == 0) return "";
    return "block " + std::to_string(report >> 32) + " has waited for seconds for " +
           text(static_cast<WaitsFor>(report >> 24 & 0x7f)) + ", at the mbarrier at shared address " +
           std::to_string(report & 0xfffff) + ", parity " + std::to_string(report >> 20 & 1);
}

}  // namespace dnsp::simt
