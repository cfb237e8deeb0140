// export_onnx: writes a trained network as an ONNX file.
#include <fmt/format.h>

#include "base/atomic_file.hpp"
#include "base/sha256.hpp"
#include "inference/onnx/network_graph.hpp"
#include "inference/shipped_weights.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    std::string weights, licence;
    fs::path output;
    bool whole = false, force = false;
};

/// The licence of the weights: as given, that of this project for weights that come with it, or unknown.
std::string licence_of(const Options& options, const fs::path& weights) {
    if (!options.licence.empty()) return options.licence;
    std::error_code error;
    const bool shipped = fs::equivalent(fs::absolute(weights).parent_path(), shipped_weights_folder(), error);
    return shipped && !error ? "Apache-2.0" : "not stated";
}

int write_onnx(const Options& options) {
    const fs::path weights = find_weights(options.weights, shipped_weights_folder(), "weights");
    const TrainedNetwork network = load_network(weights, {});
    tools::require_outputs({{"the weights", weights}}, {{"the output", options.output}}, options.force);
    const std::string bytes = export_onnx(network, options.whole ? OnnxScope::whole : OnnxScope::network,
                                          {{"dnsp.weights", weights.filename().string()},
                                           {"dnsp.weights_sha256", sha256_of(weights)},
                                           {"dnsp.licence", licence_of(options, weights)}});
    write_atomically(options.output, bytes);
    fmt::print("{}: {} of {}, {:.1f} MB\n", options.output.string(),
               options.whole ? "the whole enlargement" : "the network", weights.filename().string(),
               1e-6 * static_cast<double>(bytes.size()));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Writes a network of train_dnsp as an ONNX file (opset 13, float32, any batch, height and width): the network alone, "
        "or all that upscale does with a slice.",
        "export_onnx");
    app.add_option("weights", options.weights,
                   "file of train_dnsp, or name of weights that come with the programs")
        ->required();
    app.add_option("output", options.output, "the ONNX file")->required();
    app.add_flag(
        "--whole", options.whole,
        "from stored intensities to enlarged ones: with enlargement, normalisation by the inputs low "
        "and high, and their inverse");
    app.add_option(
        "--licence", options.licence,
        "licence of the weights, for the file's metadata [that of this program for weights that come "
        "with it]");
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] { return write_onnx(options); });
}
