#include "base/device/watchdog.hpp"

#include "tests/catch.hpp"

using namespace dnsp::simt;

TEST_CASE("the report of a kernel's watchdog names block, barrier, parity and what was waited for") {
    CHECK(watchdog_text(0).empty());
    CHECK(watchdog_text(watchdog_report(WaitsFor::copies, 1032, 1, 511)) ==
          "block 511 has waited for seconds for copies into shared memory, at the mbarrier at shared address "
          "1032, parity 1");
    CHECK(
        watchdog_text(watchdog_report(WaitsFor::readers, (227 << 10) - 8, 0, 0xffffffff)) ==
        "block 4294967295 has waited for seconds for the readers of a stage to release it, at the mbarrier at "
        "shared address 232440, parity 0");
    // The first word of shared memory, parity 0, block 0 is a report as well.
    CHECK(watchdog_text(watchdog_report(WaitsFor::unnamed, 0, 0, 0)) ==
          "block 0 has waited for seconds for a phase to end, at the mbarrier at shared address 0, parity 0");
}
