#include "engine/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/atomic_file.hpp"
#include "base/file_reader.hpp"
#include "base/json.hpp"

namespace dnsp {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian");

using Json = nlohmann::json;
constexpr std::uint64_t max_header_bytes = 100'000'000;  // the format's own limit
constexpr std::uint64_t max_data_bytes = std::uint64_t{1} << 62;

const char* format_name(DType dtype) { return dtype == DType::float32 ? "F32" : "F64"; }

std::uint64_t bytes_of(const Tensor& tensor) {
    return static_cast<std::uint64_t>(tensor.elements()) * size_of(tensor.dtype());
}

/// The bytes of a tensor in host memory.
const char* raw_bytes(const Tensor& tensor) {
    return dispatch(tensor.dtype(),
                    [&]<class T>() { return reinterpret_cast<const char*>(tensor.data<T>()); });
}

/// The number that 16 bits of IEEE 754 binary16 stand for.
float from_half(std::uint16_t half) {
    const int exponent = (half >> 10) & 31;
    const int fraction = half & 1023;
    const float sign = half >> 15 ? -1.0f : 1.0f;
    if (exponent == 31)
        return fraction == 0 ? sign * std::numeric_limits<float>::infinity()
                             : std::numeric_limits<float>::quiet_NaN();
    const float significand = static_cast<float>(exponent == 0 ? fraction : 1024 + fraction);
    return sign * std::ldexp(significand, std::max(exponent, 1) - 25);
}

/// Bytes [begin, end) of the data.
struct Extent {
    std::uint64_t begin = 0, end = 0;
    auto operator<=>(const Extent&) const = default;
};

Tensor read_tensor(const Json& entry, const std::string& data, Extent& extent) {
    const std::string name = entry.at("dtype");
    require(name == "F16" || name == "F32" || name == "F64",
            "holds a tensor of type " + name + "; expected F16, F32 or F64");
    const bool half = name == "F16";
    const DType dtype = name == "F64" ? DType::float64 : DType::float32;
    extent = {entry.at("data_offsets").at(0).get<std::uint64_t>(),
              entry.at("data_offsets").at(1).get<std::uint64_t>()};
    require(extent.begin <= extent.end && extent.end <= data.size(), "is truncated");
    Shape shape;
    std::uint64_t bytes = half ? sizeof(std::uint16_t) : size_of(dtype);
    for (const auto& side : entry.at("shape")) {
        shape.append(side.get<std::int64_t>());
        const auto count = side.get<std::uint64_t>();
        // The extents of a file are arbitrary numbers, so products are checked for overflow.
        require(count == 0 || bytes <= max_data_bytes / count, "has a tensor whose shape and data disagree");
        bytes *= count;
    }
    require(extent.end - extent.begin == bytes, "has a tensor whose shape and data disagree");
    Tensor tensor = Tensor::empty(shape, dtype);
    if (!half) {
        std::memcpy(const_cast<char*>(raw_bytes(tensor)), data.data() + extent.begin, bytes);
        return tensor;
    }
    std::vector<std::uint16_t> halves(static_cast<std::size_t>(tensor.elements()));
    if (!halves.empty()) std::memcpy(halves.data(), data.data() + extent.begin, bytes);
    std::transform(halves.begin(), halves.end(), tensor.data<float>(), from_half);
    return tensor;
}

TensorFile parse(const std::string& bytes) {
    std::uint64_t header_bytes = 0;
    require(bytes.size() > sizeof header_bytes, "is not a safetensors file");
    std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
    require(header_bytes <= max_header_bytes, "is not a safetensors file");
    require(header_bytes <= bytes.size() - sizeof header_bytes, "is truncated or not a safetensors file");
    const Json header =
        Json::parse(bytes.begin() + sizeof header_bytes,
                    bytes.begin() + static_cast<std::ptrdiff_t>(sizeof header_bytes + header_bytes));
    require(header.is_object(), "is not a safetensors file (its header is not a JSON object)");
    const std::string data = bytes.substr(sizeof header_bytes + header_bytes);
    TensorFile file;
    std::vector<Extent> extents;
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__")
            file.metadata = entry.get<std::map<std::string, std::string>>();
        else
            file.tensors.emplace(name, read_tensor(entry, data, extents.emplace_back()));
    }
    // The format requires that every byte belongs to exactly one tensor.
    std::sort(extents.begin(), extents.end());
    std::uint64_t end = 0;
    for (const Extent& extent : extents) {
        require(extent.begin == end, "has tensors that overlap or leave gaps");
        end = extent.end;
    }
    require(end == data.size(), "has data that belong to no tensor");
    return file;
}

}  // namespace

std::string serialise_safetensors(const TensorFile& file) {
    Json header = Json::object();
    if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
    std::uint64_t offset = 0;
    for (const auto& [name, tensor] : file.tensors) {
        Json shape = Json::array();
        for (int i = 0; i < tensor.shape().rank(); ++i) shape.push_back(tensor.shape()[i]);
        header[name] = {{"dtype", format_name(tensor.dtype())},
                        {"shape", shape},
                        {"data_offsets", {offset, offset + bytes_of(tensor)}}};
        offset += bytes_of(tensor);
    }
    std::string text = json_text(header);
    text.append((8 - text.size() % 8) % 8, ' ');  // data start aligned to 8 bytes
    const std::uint64_t header_bytes = text.size();
    std::string out(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
    out.reserve(out.size() + text.size() + offset);
    out += text;
    for (const auto& [name, tensor] : file.tensors) {
        const Tensor on_host = tensor.to({});
        out.append(raw_bytes(on_host), bytes_of(on_host));
    }
    return out;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
    write_atomically(path, serialise_safetensors(file));
}

TensorFile read_safetensors(const std::filesystem::path& path) {
    require(std::filesystem::is_regular_file(path), path.string() + ": cannot be opened");
    const std::string bytes = read_text(path);
    try {
        return parse(bytes);
    } catch (const Json::exception&) {
        throw Error(path.string() + ": is not a safetensors file (its header is not the expected JSON)");
    } catch (const Error& error) {
        throw Error(path.string() + ": " + error.what());
    }
}

}  // namespace dnsp
