// An operation without a case fails the suite: every function that kernels/*.hpp declares in a namespace
// `cpu` or `cuda` is called by some test of this program through DNSP_KERNEL or DNSP_PLAIN_KERNEL
// (tests/kernels/devices.hpp), in float and in double where it is a template, and so on both devices where it
// is declared for both.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "tests/kernels/devices.hpp"
#include "tests/paths.hpp"

namespace {

using dnsp::testing::source_folder;
using Names = std::set<std::string>;

/// Functions that no case can be driven through, and why.
const std::map<std::string, std::string> exceptions{
    {"conv2d_options", "a setting of the CUDA device: test_conv2d.cpp"},
    {"set_conv2d_options", "a setting of the CUDA device: test_conv2d.cpp"},
    {"conv2d_stores_bfloat16", "of settings, on the CUDA device alone: test_conv2d_mixed.cpp"},
    {"conv2d_mixed_forward", "of two types, on the CUDA device alone: test_conv2d_mixed.cpp"},
    {"conv2d_mixed_backward_input", "of two types, on the CUDA device alone: test_conv2d_mixed.cpp"},
    {"conv2d_mixed_backward_weight", "of two types, on the CUDA device alone: test_conv2d_mixed.cpp"},
    {"conv2d_mixed_backward_bias", "of two types, on the CUDA device alone: test_conv2d_mixed.cpp"},
    {"convert", "of two types, on the CUDA device alone: test_conv2d_mixed.cpp"},
};

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<std::string> texts(const std::string& folder, const std::string& extension) {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_folder().string() + folder))
        if (entry.path().extension() == extension) out.push_back(read(entry.path()));
    return out;
}

struct Function {
    std::string device, name;
    bool is_template;
    auto operator<=>(const Function&) const = default;

    /// What a test that calls it registers.
    Names registered() const {
        return is_template ? Names{name + "<float>", name + "<double>"} : Names{name};
    }
};

/// The functions of the namespaces whose innermost name is a device's. A declaration starts at the beginning
/// of a line, after a line of its own for `template`, as clang-format has it.
std::set<Function> declared_functions(const std::string& header) {
    static const std::regex opening(R"(namespace ([\w:]*\b)?(\w+) \{.*)"),
        closing(R"(\}\s*//\s*namespace.*)"), templated(R"(template <.*)"),
        declaration_of_both(R"(DNSP_DECLARE_(PLAIN_)?KERNEL\((\w+),.*)"),
        declaration(R"((?:const )?[\w:]+(?:<\w+>)?[&*]? (\w+)\(.*)");
    std::set<Function> out;
    std::vector<std::string> namespaces;
    std::string line, previous;
    std::istringstream lines(header);
    for (std::smatch match; std::getline(lines, line); previous = line) {
        if (std::regex_match(line, match, opening)) {
            namespaces.push_back(match[2]);
        } else if (std::regex_match(line, closing) && !namespaces.empty()) {
            namespaces.pop_back();
        } else if (std::regex_match(line, match, declaration_of_both)) {
            for (const char* device : {"cpu", "cuda"}) out.insert({device, match[2], match[1].length() == 0});
        } else if (!namespaces.empty() && (namespaces.back() == "cpu" || namespaces.back() == "cuda") &&
                   std::regex_match(line, match, declaration)) {
            out.insert({namespaces.back(), match[1], std::regex_match(previous, templated)});
        }
    }
    return out;
}

/// But for the exceptions.
std::set<Function> kernels_of_all_headers() {
    std::set<Function> out;
    for (const std::string& header : texts("/kernels", ".hpp"))
        for (const Function& function : declared_functions(header))
            if (exceptions.count(function.name) == 0) out.insert(function);
    return out;
}

}  // namespace

TEST_CASE("every kernel has a test, in both types and on its devices") {
    const auto kernels = kernels_of_all_headers();
    CHECK(kernels.size() >= 50);
    const Names& tested = dnsp::testing::tested_kernels();
    Names declared;
    for (const Function& kernel : kernels)
        for (const std::string& name : kernel.registered()) {
            INFO("kernels/*.hpp declares " << kernel.device << "::" << name << ", which no test calls");
            CHECK(tested.count(name) == 1);
            declared.insert(name);
        }
    for (const std::string& name : tested) {
        INFO(name << " is tested but not declared");
        CHECK(declared.count(name) == 1);
    }
}

TEST_CASE("what has no case of its own is declared") {
    Names declared;
    for (const std::string& header : texts("/kernels", ".hpp"))
        for (const Function& function : declared_functions(header)) declared.insert(function.name);
    for (const auto& [name, reason] : exceptions) {
        INFO(name << ": " << reason);
        CHECK(declared.count(name) == 1);
    }
}

TEST_CASE("every test of kernels drives the CUDA device, or says that there is none") {
    const Names without_device{"test_coverage.cpp"};
    const std::regex on_cuda(R"re(TEST_CASE\(\s*("[^"]*"\s*)*"[^"]*cuda"\s*\)\s*\{\s*(\w*)\()re");
    const Names skips{"DNSP_REQUIRE_CUDA", "REQUIRE_TENSOR_CORES", "REQUIRE_HOPPER"};
    for (const auto& entry :
         std::filesystem::directory_iterator(source_folder().string() + "/tests/kernels")) {
        const std::string file = entry.path().filename().string(), text = read(entry.path());
        if (!file.starts_with("test_") || without_device.count(file) == 1) continue;
        std::sregex_iterator found(text.begin(), text.end(), on_cuda), end;
        INFO(file << " has no case whose name ends with \"cuda\"");
        CHECK(found != end);
        for (; found != end; ++found) {
            INFO((*found)[0] << " should begin with DNSP_REQUIRE_CUDA()");
            CHECK(skips.count((*found)[2]) == 1);
        }
    }
}

TEST_CASE("every CPU kernel is in the test of determinism") {
    const std::string text = read(source_folder().string() + "/tests/kernels/test_determinism.cpp");
    for (const Function& kernel : kernels_of_all_headers()) {
        if (kernel.device != "cpu") continue;
        INFO(kernel.name);
        CHECK(std::regex_search(text, std::regex("KERNEL\\(where, " + kernel.name + "\\b")));
    }
}

TEST_CASE("the reader of declarations finds what it should") {
    CHECK(declared_functions("namespace dnsp::kernels {\n"
                             "void outside();\n"
                             "namespace cpu {\n"
                             "/// text with (brackets)\n"
                             "template <class T>\n"
                             "void f(int a,\n"
                             "       int b);\n"
                             "double g();\n"
                             "inline constexpr int number = 64;\n"
                             "}  // namespace cpu\n"
                             "void between();\n"
                             "namespace cuda {\n"
                             "template <class T>\n"
                             "void f(int a, int b);\n"
                             "const Options& options();\n"
                             "}  // namespace cuda\n"
                             "}  // namespace dnsp::kernels\n") ==
          std::set<Function>{
              {"cpu", "f", true}, {"cpu", "g", false}, {"cuda", "f", true}, {"cuda", "options", false}});
    CHECK(declared_functions(
              "namespace dnsp::kernels::cpu {\n\nint inside(int);\n\n}  // namespace dnsp::kernels::cpu\n"
              "namespace dnsp::kernels::cpu::detail {\nvoid hidden(int);\n}  // namespace dnsp\n") ==
          std::set<Function>{{"cpu", "inside", false}});
    CHECK(Function{"cpu", "f", true}.registered() == Names{"f<double>", "f<float>"});
    CHECK(Function{"cpu", "f", false}.registered() == Names{"f"});
}
