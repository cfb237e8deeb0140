#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "engine/tensor.hpp"

namespace dnsp {

/// A file of named tensors in the safetensors format: 8 bytes of header length, a JSON header, raw
/// little-endian data. float32 and float64; metadata are strings.
struct TensorFile {
    std::map<std::string, Tensor> tensors;
    std::map<std::string, std::string> metadata;
};

/// The bytes of such a file. Tensors are written in name order, so equal contents give equal bytes.
std::string serialise_safetensors(const TensorFile& file);

/// Writes the bytes to a path, atomically: a crash or a full disk leaves the old file. Throws FileError.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

/// Reads a file into host memory. Throws Error("path: reason") for a file that is missing, truncated, not
/// safetensors, or whose header contradicts its data.
TensorFile read_safetensors(const std::filesystem::path& path);

}  // namespace dnsp
