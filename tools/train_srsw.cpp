// train_srsw: writes the database of patch pairs that the method srsw needs.
#include <fmt/format.h>

#include "base/counted.hpp"

#include "models/classical/srsw_sampler.hpp"
#include "tools/command_line.hpp"
#include "tools/files.hpp"
#include "tools/progress.hpp"
#include "training/subject.hpp"

namespace {

using namespace dnsp;
namespace fs = std::filesystem;

struct Options {
    std::vector<std::string> inputs;
    imaging::DegradationSettings degradation;
    tools::SliceAxis slice_axis;
    int pairs = 200000;
    int patch = 3;
    int slice_step = 3;
    std::uint64_t seed = 1;
    std::optional<int> volume;
    fs::path out;
    bool force = false;

    void visit(OptionVisitor& v) {
        v.option({.key = "inputs", .flag = "inputs", .help = "high-resolution volumes, or folders of them"},
                 inputs);
        degradation.visit(v);
        slice_axis.visit(v);
        v.option({.key = "pairs",
                  .flag = "--pairs",
                  .help = "pairs of patches, at most; chosen at random from all foreground patches",
                  .range = Range::positive},
                 pairs);
        v.option({.key = "patch",
                  .flag = "--patch",
                  .help = "side of a low-resolution patch, odd",
                  .range = Range::positive},
                 patch);
        v.option({.key = "slice_step",
                  .flag = "--slice-step",
                  .help = "use every n-th slice that shows the head",
                  .range = Range::positive},
                 slice_step);
        v.option({.key = "seed", .flag = "--seed", .help = "seed of the choice"}, seed);
    }
};

int train(const Options& options) {
    require(!options.inputs.empty(), "no volume was given (--help lists the options)");
    classical::SrswDatabase database;
    database.degradation = options.degradation.make();
    require(!database.degradation.ranges && database.degradation.bias_field == 0.0,
            "a database holds pairs of one acquisition, without ranges and bias field");
    database.patch = options.patch;
    database.seed = options.seed;
    classical::SrswSampler sampler(database.geometry(), options.pairs, options.seed);
    const auto paths = find_volumes(options.inputs, tools::print_notice);
    std::vector<tools::NamedFile> inputs;
    for (const std::string& path : paths) inputs.push_back({"an input", path});
    tools::require_outputs(inputs, {{"--out", options.out}}, options.force);

    tools::ProgressLine progress;
    int slices = 0;
    for (std::size_t volume = 0; volume < paths.size(); ++volume) {
        progress.show(static_cast<double>(volume) / static_cast<double>(paths.size()),
                      "reading " + paths[volume]);
        Subject subject = tools::naming_volume_option([&] {
            return load_subject(paths[volume], database.degradation, options.slice_axis.axis,
                                InputFeatures::intensity, options.volume);
        });
        for (std::size_t i = 0; i < subject.slices.size();
             i += static_cast<std::size_t>(options.slice_step)) {
            SlicePair& pair = subject.slices[i];
            imaging::normalise(pair.low.pixels, subject.normalisation);
            imaging::normalise(pair.target.pixels, subject.normalisation);
            sampler.add(static_cast<std::uint32_t>(volume), static_cast<std::uint32_t>(pair.index), pair.low,
                        pair.target);
            ++slices;
        }
        database.files.push_back(fs::path(paths[volume]).filename().string());
    }
    progress.clear();
    sampler.finish(database);
    write_srsw_database(options.out, database);
    fmt::print("{}, {}, {} foreground patches; {} pairs in {}\n", counted(paths.size(), "volume"),
               counted(static_cast<std::size_t>(slices), "slice"), sampler.candidates(), database.low.rows(),
               options.out.string());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Collects pairs of low- and high-resolution patches from volumes, which a preset degrades, for the method "
        "srsw of evaluate and upscale: --method srsw:database=FILE.",
        "train_srsw");
    tools::OptionParser parser(app);
    parser.add(options);
    app.add_option("--out", options.out, "file of the database")->required();
    app.add_option("--volume", options.volume, "index of the volume in 4-D files, from 0");
    app.add_flag("--force", options.force, "overwrite existing output");
    return tools::run_tool(app, argc, argv, [&] {
        parser.apply(options);
        tools::complete_degradation(app, options.degradation);
        return train(options);
    });
}
