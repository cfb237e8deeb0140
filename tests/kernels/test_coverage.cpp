// The suite fails if a kernel has no test. Headers declare kernels through kernels/kernel.hpp, which
// registers them here. Tests register calls through DNSP_KERNEL and DNSP_PLAIN_KERNEL
// (tests/kernels/devices.hpp), which name the functions of both devices.
#include <map>

#include "tests/kernels/devices.hpp"

namespace dnsp::testing {
namespace {

/// Name → true if it is a template of float and double.
std::map<std::string, bool>& declared_kernels() {
    static std::map<std::string, bool> kernels;
    return kernels;
}

bool declare(const char* name, bool is_template) {
    return declared_kernels().emplace(name, is_template).second;
}

}  // namespace
}  // namespace dnsp::testing

#undef DNSP_ON_KERNEL_DECLARED
#define DNSP_ON_KERNEL_DECLARED(name, is_template) \
    [[maybe_unused]] static const bool name##_is_declared = ::dnsp::testing::declare(#name, is_template)
#include "all_kernel_headers.hpp"  // made by tests/CMakeLists.txt

using namespace dnsp::testing;

namespace {

/// The names that tests of all kernels register.
std::set<std::string> expected_names() {
    std::set<std::string> names;
    for (const auto& [name, is_template] : declared_kernels())
        if (is_template)
            names.insert({name + "<float>", name + "<double>"});
        else
            names.insert(name);
    return names;
}

void check_tested(Checks checks) {
    const auto &tested = tested_kernels(checks), expected = expected_names();
    CHECK(expected.size() >= 40);
    for (const std::string& name : expected) {
        INFO("no test calls " << name);
        CHECK(tested.contains(name));
    }
    for (const std::string& name : tested) {
        INFO(name << " is tested, but not declared by a macro of kernels/kernel.hpp");
        CHECK(expected.contains(name));
    }
}

}  // namespace

TEST_CASE("every kernel has a test of its results, in both types") { check_tested(Checks::results); }

TEST_CASE("every kernel has a test of determinism, in both types") { check_tested(Checks::determinism); }
