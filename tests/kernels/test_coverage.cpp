// An operation without a case fails the suite: every function that kernels/*.hpp declares in namespace cpu is
// in the list below, with the test file that compares it with its reference.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/catch.hpp"

namespace {

const std::map<std::string, std::string> tested_in{
    {"accumulate_tap_gram", "test_filter_measure.cpp"},
    {"adam", "test_adam.cpp"},
    {"add", "test_elementwise.cpp"},
    {"add_scaled", "test_elementwise.cpp"},
    {"concat_read", "test_elementwise.cpp"},
    {"concat_write", "test_elementwise.cpp"},
    {"conv2d_backward_input", "test_conv2d.cpp"},
    {"conv2d_backward_weight", "test_conv2d.cpp"},
    {"conv2d_forward", "test_conv2d.cpp"},
    {"fill", "test_elementwise.cpp"},
    {"filter_measure", "test_filter_measure.cpp"},
    {"filter_variance", "test_filter_variance.cpp"},
    {"low_rank_matrix_exponential", "test_low_rank.cpp"},
    {"low_rank_svd", "test_low_rank.cpp"},
    {"relu_backward", "test_elementwise.cpp"},
    {"relu_forward", "test_elementwise.cpp"},
    {"scale", "test_elementwise.cpp"},
    {"squared_error", "test_elementwise.cpp"},
    {"squared_norm", "test_elementwise.cpp"},
    {"thread_count", "test_elementwise.cpp"},
    {"total_variation", "test_total_variation.cpp"},
};

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

/// The functions declared after "cpu {", one declaration starting at the beginning of a line.
std::set<std::string> declared_functions(const std::string& header) {
    std::set<std::string> names;
    const auto begin = header.find("cpu {");
    if (begin == std::string::npos) return names;
    const std::string text = header.substr(begin);
    const std::regex declaration(R"(\n(?:void|double|float|int|bool|std::\w+) (\w+)\()");
    for (std::sregex_iterator it(text.begin(), text.end(), declaration), end; it != end; ++it)
        names.insert((*it)[1]);
    return names;
}

std::set<std::string> functions_of_all_headers() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(DNSP_SOURCE "/kernels"))
        if (entry.path().extension() == ".hpp") names.merge(declared_functions(read(entry.path())));
    return names;
}

}  // namespace

TEST_CASE("every CPU kernel has a test") {
    const std::set<std::string> declared = functions_of_all_headers();
    CHECK(declared.size() >= 20);
    for (const std::string& name : declared) {
        INFO("kernels/*.hpp declares " << name << ", which has no entry in tests/kernels/test_coverage.cpp");
        CHECK(tested_in.count(name) == 1);
    }
    for (const auto& [name, file] : tested_in) {
        INFO(name << " is said to be tested in " << file);
        CHECK(declared.count(name) == 1);
        CHECK(std::regex_search(read(std::string(DNSP_SOURCE "/tests/kernels/") + file),
                                std::regex("\\b" + name + "\\b")));
    }
}

TEST_CASE("every CPU kernel is in the test of determinism") {
    const std::string text = read(DNSP_SOURCE "/tests/kernels/test_determinism.cpp");
    for (const std::string& name : functions_of_all_headers()) {
        if (name == "thread_count") continue;
        INFO(name);
        CHECK(std::regex_search(text, std::regex("cpu::" + name + "<T>")));
    }
}

TEST_CASE("the reader of declarations finds what it should") {
    CHECK(declared_functions(
              "namespace cpu {\ntemplate <class T>\nvoid f(int a,\n       int b);\ndouble g();\n}") ==
          std::set<std::string>{"f", "g"});
    CHECK(declared_functions("\nvoid outside();\nnamespace dnsp::kernels::cpu {\n\nvoid inside(int);\n}") ==
          std::set<std::string>{"inside"});
}
