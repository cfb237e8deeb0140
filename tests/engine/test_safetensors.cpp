#include "engine/safetensors.hpp"

#include <cstring>
#include <fstream>
#include <limits>

#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;

namespace {

/// A file in the system's temporary folder, removed at the end.
struct TemporaryFile {
    std::filesystem::path path;
    TemporaryFile() {
        static int number = 0;
        path = std::filesystem::temp_directory_path() /
               ("dnsp_" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + "_" +
                std::to_string(number++) + ".safetensors");
    }
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }
    void write(const std::string& bytes) const {
        std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
};

TensorFile example() {
    TensorFile file;
    file.tensors["weight"] = Tensor::from<float>({2, 1, 3, 1}, {1, -0.0f, 1e-45f, 3.4e38f, -5, 6});
    file.tensors["moments"] = Tensor::from<double>({3}, {1.0 / 3, -2e-308, 1e300});
    file.tensors["scalar"] = Tensor::from<double>({}, {42.0});
    file.tensors["empty"] = Tensor::zeros({0, 4}, DType::float32);
    file.metadata = {{"model", "srcnn"}, {"note", "Größe × \"quoted\" \n line"}};
    return file;
}

std::string with_header(const std::string& header, const std::string& data) {
    const std::uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
    return bytes + header + data;
}

/// Reading the bytes throws an Error that names the path.
void check_refused(const std::string& bytes) {
    const TemporaryFile file;
    file.write(bytes);
    try {
        read_safetensors(file.path);
        FAIL_CHECK("the file was accepted");
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find(file.path.string()) != std::string::npos);
    }
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

}  // namespace

TEST_CASE("a safetensors file restores tensors and metadata bitwise") {
    const TemporaryFile file;
    const TensorFile written = example();
    write_safetensors(file.path, written);
    const TensorFile read = read_safetensors(file.path);
    CHECK(read.metadata == written.metadata);
    REQUIRE(read.tensors.size() == written.tensors.size());
    for (const auto& entry : written.tensors) {
        INFO(entry.first);
        const Tensor &tensor = entry.second, &back = read.tensors.at(entry.first);
        REQUIRE(back.shape() == tensor.shape());
        REQUIRE(back.dtype() == tensor.dtype());
        dispatch(tensor.dtype(),
                 [&]<class T>() { CHECK(reference::same_bits(back.to_vector<T>(), tensor.to_vector<T>())); });
    }
    CHECK(serialise_safetensors(read) == serialise_safetensors(written));
}

TEST_CASE("float16 is read as float32") {
    // Numbers of IEEE 754 binary16: normal, largest, smallest normal, subnormal, zero, infinite.
    const std::vector<std::pair<std::uint16_t, float>> halves = {
        {0x3C00, 1.0f},
        {0xC000, -2.0f},
        {0x3555, 0.333251953125f},
        {0x7BFF, 65504.0f},
        {0x0400, 6.103515625e-05f},
        {0x03FF, 6.097555160522461e-05f},
        {0x8001, -5.960464477539063e-08f},
        {0x8000, -0.0f},
        {0xFC00, -std::numeric_limits<float>::infinity()}};
    std::string data;
    std::vector<float> expected;
    for (const auto& [bits, value] : halves) {
        data.append(reinterpret_cast<const char*>(&bits), sizeof bits);
        expected.push_back(value);
    }
    const TemporaryFile file;
    file.write(with_header("{\"a\":" + entry("F16", "[3,3]", "[0,18]") + "}", data));
    const Tensor read = read_safetensors(file.path).tensors.at("a");
    CHECK(read.shape() == Shape{3, 3});
    REQUIRE(read.dtype() == DType::float32);
    CHECK(reference::same_bits(read.to_vector<float>(), expected));
}

TEST_CASE("a file without tensors and metadata is valid") {
    const TemporaryFile file;
    write_safetensors(file.path, {});
    CHECK(read_safetensors(file.path).tensors.empty());
}

TEST_CASE("a safetensors file that is truncated at any byte is refused") {
    const std::string bytes = serialise_safetensors(example());
    for (std::size_t length = 0; length < bytes.size(); length += length < 16 ? 1 : 13) {
        INFO(length << " of " << bytes.size() << " bytes");
        check_refused(bytes.substr(0, length));
    }
    check_refused(bytes.substr(0, bytes.size() - 1));
}

TEST_CASE("a file of arbitrary bytes is refused") {
    check_refused(std::string(1000, '\xff'));
    check_refused(std::string(1000, '\0'));
    check_refused("a text that is longer than eight bytes");
    for (const char* header : {"", "{", "null", "[]", "[1, 2]", "17", "\"text\"", "{\"a\": 1}", "{\"a\": {}}",
                               "{\"__metadata__\": {\"step\": 3}}", "\xff\xfe", "{\"a\": null}"}) {
        INFO("header " << header);
        check_refused(with_header(header, std::string(16, 'x')));
    }
    check_refused(with_header(std::string(100000, '['), ""));
}

TEST_CASE("a header that contradicts its data is refused") {
    const std::string data(16, 'x');
    const auto one = [&](const std::string& dtype, const std::string& shape, const std::string& offsets) {
        INFO(dtype << ' ' << shape << ' ' << offsets);
        check_refused(with_header("{\"a\":" + entry(dtype, shape, offsets) + "}", data));
    };
    one("F32", "[4]", "[0,20]");
    one("F32", "[4]", "[4,20]");
    one("F32", "[4]", "[16,0]");
    one("F32", "[4]", "[-16,0]");
    one("F32", "[4]", "[0,18446744073709551615]");
    one("F32", "[4]", "[0]");
    one("F32", "[4]", "\"0,16\"");
    one("F32", "[3]", "[0,16]");
    one("F32", "[-4]", "[0,16]");
    one("F32", "[1.5]", "[0,16]");
    one("F32", "[1,1,2,2,1]", "[0,16]");
    one("F32", "[4611686018427387904, 4]", "[0,16]");
    one("F64", "[2305843009213693952]", "[0,0]");
    one("F32", "[4611686018427387904,4611686018427387904]", "[0,0]");
    one("F16", "[4]", "[0,16]");
    one("BF16", "[8]", "[0,16]");
    one("I64", "[2]", "[0,16]");
    one("", "[4]", "[0,16]");
}

TEST_CASE("tensors that overlap, and data that no tensor owns, are refused") {
    const auto two = [](const std::string& a, const std::string& b, std::size_t bytes) {
        INFO(a << ' ' << b);
        check_refused(
            with_header("{\"a\":" + entry("F32", "[2]", a) + ",\"b\":" + entry("F32", "[2]", b) + "}",
                        std::string(bytes, 'x')));
    };
    two("[0,8]", "[0,8]", 16);
    two("[0,8]", "[4,12]", 16);
    two("[0,8]", "[12,20]", 20);
    two("[0,8]", "[8,16]", 20);
}

TEST_CASE("the error for a file that cannot be opened or written names the file") {
    for (const char* path : {"/nonexistent/file.safetensors", "/"}) {
        try {
            read_safetensors(path);
            FAIL_CHECK("was read");
        } catch (const Error& error) {
            CHECK(std::string(error.what()).find(path) != std::string::npos);
        }
        CHECK_THROWS_AS(write_safetensors(path, {}), FileError);
    }
}
