// The C++ side of safetensors_interchange.py:
//   safetensors_driver write FILE          writes a file of known contents
//   safetensors_driver same FILE OTHER     exits with 0 if tensors and metadata of the files are bitwise
//   identical
#include <cmath>
#include <cstring>
#include <iostream>

#include "engine/safetensors.hpp"

using namespace dnsp;

namespace {

TensorFile known_contents() {
    TensorFile file;
    std::vector<float> weight(2 * 3 * 3 * 5);
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i) / 7.0f - 3.0f;
    std::vector<double> moments(11);
    for (std::size_t i = 0; i < moments.size(); ++i) moments[i] = 1.0 / static_cast<double>(i + 1);
    file.tensors["blocks.0.weight"] = Tensor::from<float>({2, 3, 3, 5}, weight);
    file.tensors["optimiser.moments"] = Tensor::from<double>({11}, moments);
    file.tensors["scalar"] = Tensor::from<double>({}, {-0.1});
    file.tensors["single"] = Tensor::from<float>({1}, {1e-45f});
    file.metadata = {{"model", "srcnn"}, {"unicode", "naïve ×2"}, {"step", "17"}};
    return file;
}

bool same(const TensorFile& a, const TensorFile& b) {
    if (a.metadata != b.metadata || a.tensors.size() != b.tensors.size()) return false;
    for (const auto& [name, tensor] : a.tensors) {
        const auto found = b.tensors.find(name);
        if (found == b.tensors.end() || !(found->second.shape() == tensor.shape()) ||
            found->second.dtype() != tensor.dtype())
            return false;
        const bool equal = dispatch(tensor.dtype(), [&, &left = tensor]<class T>() {
            const auto bytes = static_cast<std::size_t>(left.elements()) * sizeof(T);
            return std::memcmp(left.template data<T>(), found->second.template data<T>(), bytes) == 0;
        });
        if (!equal) return false;
    }
    return true;
}

}  // namespace

int main(int count, char** arguments) try {
    const std::string command = count > 1 ? arguments[1] : "";
    if (command == "write" && count == 3) {
        write_safetensors(arguments[2], known_contents());
        return 0;
    }
    if (command == "same" && count == 4)
        return same(read_safetensors(arguments[2]), read_safetensors(arguments[3])) ? 0 : 1;
    std::cerr << "usage: safetensors_driver write FILE | same FILE OTHER\n";
    return 2;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
}
