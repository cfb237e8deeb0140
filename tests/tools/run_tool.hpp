#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/paths.hpp"
#include "tests/synthetic_head.hpp"

namespace dnsp::testing {

struct ToolResult {
    int status = -1;
    std::string output;  ///< standard output and standard error together
    bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
};

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The command line with the name of the tool at its start replaced by the path.
inline std::string with_path(const std::string& command) {
    return testing::bin_folder().string() + "/" + command;
}

/// Runs a shell command line that starts with the name of a tool of this build.
inline ToolResult run_tool(const std::string& command, const std::string& before = "") {
    static const TemporaryFolder folder;
    const auto output = folder / "output";
    const int status =
        std::system((before + " " + with_path(command) + " >'" + output.string() + "' 2>&1").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), bytes_of(output)};
}

/// A small trained network, made once, and its training volume.
struct TrainedFixture {
    TemporaryFolder folder;
    std::filesystem::path volume, weights;
    TrainedFixture() : volume(folder / "head.nii.gz"), weights(folder / "run/weights.safetensors") {
        imaging::write_nifti(volume, synthetic_head(56, 64, 60));
        run_tool("train_dnsp " + volume.string() + " --out " + (folder / "run").string() +
                 " --prior NP --epochs 2 --patch 16 --batch 8 --slice-step 4 --lr 1e-3");
    }
};
inline const TrainedFixture& trained() {
    static const TrainedFixture fixture;
    return fixture;
}

}  // namespace dnsp::testing
