// Readers of safetensors, weights and databases of SRSW.
#include <cmath>

#include "engine/safetensors.hpp"
#include "inference/trained_network.hpp"
#include "models/classical/srsw_database.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace dnsp::fuzz {
namespace {

void run_safetensors(Bytes bytes) {
    static InputFile file("input.safetensors");
    const auto& path = file.write(bytes);
    TensorFile content;
    if (!accepts([&] { content = read_safetensors(path); })) return;
    const std::string written = serialise_safetensors(content);
    file.write({reinterpret_cast<const std::uint8_t*>(written.data()), written.size()});
    expect(serialise_safetensors(read_safetensors(path)) == written,
           "a file that was written has other bytes");
}

void run_weights(Bytes bytes) {
    static InputFile file("input.safetensors");
    const auto& path = file.write(bytes);
    TrainedNetwork network;
    if (!accepts([&] { network = load_network(path, Device{}); })) return;
    expect(network.model != nullptr && network.store != nullptr, "weights without a network were accepted");
    expect(network.degradation.scale >= 1, "a scale below 1 was accepted");
}

void run_database(Bytes bytes) {
    static InputFile file("input.srsw");
    const auto& path = file.write(bytes);
    classical::SrswDatabase database;
    if (!accepts([&] { database = classical::read_srsw_database(path); })) return;
    expect(
        database.low.rows() == database.high.rows() && database.low.allFinite() && database.high.allFinite(),
        "a damaged database was accepted");
}

const FuzzTargetRegistration safetensors_target{{"safetensors", run_safetensors, nullptr}};
const FuzzTargetRegistration weights_target{{"weights", run_weights, nullptr}};
const FuzzTargetRegistration database_target{{"database", run_database, nullptr}};

}  // namespace
}  // namespace dnsp::fuzz
