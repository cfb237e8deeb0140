#pragma once

#include <functional>

#include "base/device/runtime.hpp"
#include "tests/catch.hpp"

namespace dnsp::testing {

/// Runs `body` once in each thread order of the device (base/device/runtime.hpp).
inline void for_each_thread_order(const std::function<void()>& body) {
    for (int order = 0; order < simt::thread_orders(); ++order) {
        INFO("threads and blocks in " << simt::use_thread_order(order) << " order");
        body();
    }
    simt::use_thread_order(0);
}

}  // namespace dnsp::testing
