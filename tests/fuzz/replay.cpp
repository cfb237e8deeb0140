// Runs a fuzz target on stored inputs, without libFuzzer: replay_fuzz_inputs TARGET FILE_OR_FOLDER…
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tests/fuzz/fuzz_target.hpp"

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    const dnsp::fuzz::FuzzTarget* target = argc < 3 ? nullptr : dnsp::fuzz::find_fuzz_target(argv[1]);
    if (target == nullptr) {
        std::fprintf(stderr, "usage: replay_fuzz_inputs TARGET FILE_OR_FOLDER…\ntargets:");
        for (const auto& known : dnsp::fuzz::fuzz_targets()) std::fprintf(stderr, " %s", known.name.c_str());
        std::fprintf(stderr, "\n");
        return 2;
    }
    std::vector<fs::path> inputs;
    for (int i = 2; i < argc; ++i) {
        if (fs::is_directory(argv[i]))
            for (const auto& entry : fs::directory_iterator(argv[i])) inputs.push_back(entry.path());
        else
            inputs.emplace_back(argv[i]);
    }
    for (const fs::path& path : inputs) {
        std::ifstream file(path, std::ios::binary);
        if (!file) {
            std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
            return 1;
        }
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        // Printed before the run, so that a failure shows its input.
        std::fprintf(stderr, "%s\n", path.c_str());
        target->run({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    }
    std::printf("%zu inputs passed\n", inputs.size());
    return inputs.empty() ? 1 : 0;
}
