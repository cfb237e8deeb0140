#pragma once

#include <string>

#include "base/device/host/stream.hpp"
#include "kernels/simt/host/scheduler.hpp"
#include "tests/catch.hpp"
#include "tests/simt/errors.hpp"
#include "tests/simt/orders.hpp"

/// Skips a test case of the race detector where the compiler does not report accesses or the detector is off.
#define DNSP_NEEDS_RACE_DETECTION()                                            \
    if (!simt::host::kernels_report_accesses || !simt::host::race_detection()) \
    DNSP_SKIP("the CUDA emulator does not look for races in this build or with DNSP_RACES=0")

namespace dnsp::testing {

/// For kernels with races on purpose: the emulator does not look for races while it lives.
class WithoutRaceDetection {
  public:
    WithoutRaceDetection() { simt::host::set_race_detection(false); }
    ~WithoutRaceDetection() { simt::host::set_race_detection(before_); }
    WithoutRaceDetection(const WithoutRaceDetection&) = delete;
    WithoutRaceDetection& operator=(const WithoutRaceDetection&) = delete;

  private:
    bool before_ = simt::host::race_detection();
};

/// `run` ends without an error in every order.
template <class Run>
void check_correct(Run run) {
    for_each_thread_order([&] { CHECK(error_of(run) == ""); });
}

/// A race is found in every order. Its message holds `kernel` and `described`.
template <class Run>
void check_race(const char* kernel, const std::string& described, Run run) {
    for_each_thread_order([&] {
        const std::string error = error_of(run);
        contains(error, "race in ");
        contains(error, kernel);
        contains(error, described);
    });
}

/// Every order ends with an error, and some with a race. For mistakes at mbarriers: if the early thread runs
/// first, phases end that nobody waits for, and the block is stalled.
template <class Run>
void check_race_or_stall(Run run) {
    int races = 0;
    for_each_thread_order([&] {
        const std::string error = error_of(run);
        const bool race = error.find("race in ") != std::string::npos;
        if (!race) contains(error, "stalled");
        races += race;
    });
    CHECK(races > 0);
}

}  // namespace dnsp::testing
