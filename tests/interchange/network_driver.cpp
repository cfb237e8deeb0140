// The engine's side of tests that compare networks:
//   network_driver WEIGHTS INPUT OUTPUT   applies the network of a weights file to the tensor "input"
//   [n, h, w, c] of INPUT, and writes the tensor "output" [n, h, w, 1] to OUTPUT; both are safetensors files
#include <iostream>

#include "engine/safetensors.hpp"
#include "inference/trained_network.hpp"

using namespace dnsp;

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    try {
        const TrainedNetwork network = load_network(argv[1], {});
        Tape tape = Tape::inference();
        TensorFile output;
        output.tensors["output"] =
            network.model->forward(tape, read_safetensors(argv[2]).tensors.at("input"));
        write_safetensors(argv[3], output);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
