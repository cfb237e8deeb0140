#pragma once

// Catch2 2 (Debian 12) and Catch2 3 (Ubuntu 24.04) have different headers, and only Catch2 3 provides main().
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <iostream>

/// Ends the test case as skipped: ctest looks for this line and reports the case as skipped, not passed.
#define DNSP_SKIP(reason)                                  \
    do {                                                   \
        std::cout << "SKIPPED: " << (reason) << std::endl; \
        SUCCEED("skipped");                                \
        return;                                            \
    } while (false)
