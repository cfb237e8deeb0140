#pragma once

// Catch2 2 (Debian 12) and Catch2 3 (Ubuntu 24.04) have different headers, and only Catch2 3 provides main().
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif
using Catch::Matchers::StartsWith;

#include <iostream>

/// Ends the test case as skipped: ctest looks for this line and reports the case as skipped, not passed.
#define DNSP_SKIP(reason)                                  \
    do {                                                   \
        std::cout << "SKIPPED: " << (reason) << std::endl; \
        SUCCEED("skipped");                                \
        return;                                            \
    } while (false)
