#include "base/device/dynamic_library.hpp"
#include "base/error.hpp"
#include "tests/catch.hpp"

using dnsp::simt::DynamicLibrary;

namespace {

std::string error_of(DynamicLibrary& library, const char* function) {
    try {
        library.function<void()>(function);
    } catch (const dnsp::Error& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a dynamic library is opened under the first name that exists") {
    DynamicLibrary library("the C library", {"libdnsp_of_no_machine.so.1", "libc.so.6"});
    REQUIRE(library.available());
    CHECK(library.function<int(int)>("abs")(-7) == 7);
    const std::string error = error_of(library, "no_such_function_of_c");
    CHECK(error.find("the C library") != std::string::npos);
    CHECK(error.find("no_such_function_of_c") != std::string::npos);
}

TEST_CASE("a missing dynamic library is one sentence") {
    DynamicLibrary library("cuFoo", {"libdnsp_of_no_machine.so.2", "libdnsp_of_no_machine.so.1"});
    CHECK_FALSE(library.available());
    const std::string reason = library.unavailable_reason();
    CHECK(reason.rfind("cuFoo cannot be loaded (libdnsp_of_no_machine.so.2", 0) == 0);
    CHECK(reason.find('\n') == std::string::npos);
    CHECK(error_of(library, "create") == "[cuda] " + reason);
}
