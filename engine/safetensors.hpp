#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "engine/tensor.hpp"

namespace dnsp {

/// A file of named tensors in the safetensors format: 8 bytes of header length, a JSON header, raw
/// little-endian data. float32 and float64, and float16, which is read as float32; metadata are strings.
struct TensorFile {
    std::map<std::string, Tensor> tensors;
    std::map<std::string, std::string> metadata;
};

/// The bytes of the file. Tensors are written in the order of their names: equal contents give equal bytes.
std::string serialise_safetensors(const TensorFile& file);

/// Writes the file atomically: after a crash or on a full disk the old file is unchanged. Throws FileError.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

/// Reads a file into host memory. Throws Error("path: reason") for a file that is missing, truncated, not
/// safetensors, or whose header contradicts its data.
TensorFile read_safetensors(const std::filesystem::path& path);

}  // namespace dnsp
