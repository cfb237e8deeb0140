#include "imaging/gzip_file.hpp"

#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

namespace {

std::string noise(std::size_t bytes) {
    std::string text(bytes, '\0');
    unsigned state = 1;
    for (char& c : text) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    return text;
}

std::string compressed(const Scratch& scratch, const std::string& text) {
    const auto path = scratch.file("made.gz");
    dnsp::AtomicFile file(path);
    GzipWriter writer(file, true, path.string());
    writer.write(std::as_bytes(std::span(text)));
    writer.finish();
    file.commit();
    return contents(path);
}

/// The whole of a file that holds these bytes.
std::string read_back(const Scratch& scratch, const std::string& bytes) {
    put(scratch.file("read"), bytes);
    GzipReader reader(scratch.file("read"));
    const std::vector<std::byte> rest = reader.read_rest(std::size_t{1} << 30);
    reader.require_checksum();
    return {reinterpret_cast<const char*>(rest.data()), rest.size()};
}

}  // namespace

TEST_CASE("plain and compressed files are read alike") {
    const Scratch scratch;
    for (const std::size_t size : {1u, 2u, 1000u, (1u << 18) - 1, (1u << 18) + 1, 3'000'000u}) {
        INFO(size << " bytes");
        const std::string text = noise(size);
        CHECK(read_back(scratch, text) == text);
        CHECK(read_back(scratch, compressed(scratch, text)) == text);
        for (const std::string& bytes : {text, compressed(scratch, text)}) {
            put(scratch.file("read"), bytes);
            GzipReader reader(scratch.file("read"));
            std::string part(10, '\0');
            reader.skip(static_cast<std::int64_t>(size / 2));
            part.resize(reader.read(part.data(), part.size()));
            CHECK(part == text.substr(size / 2, 10));
            reader.skip(static_cast<std::int64_t>(2 * size));
            CHECK(reader.read(part.data(), part.size()) == 0);
        }
    }
}

TEST_CASE("a plain file may have one of the two bytes with which gzip data begin") {
    const Scratch scratch;
    for (const std::string text : {"\x1f", "\x1f text", "a\x8b text", "\x8b\x1f", "\x8b\x8b"})
        CHECK(read_back(scratch, text) == text);
}

TEST_CASE("gzip streams behind one another are one file, and what follows them is ignored") {
    const Scratch scratch;
    const std::string first = noise(400'000), second = "the end";
    const std::string both = compressed(scratch, first) + compressed(scratch, second);
    CHECK(read_back(scratch, both) == first + second);
    CHECK(read_back(scratch, both + "\n") == first + second);
    CHECK(read_back(scratch, both + std::string(600, '\0')) == first + second);
}

TEST_CASE("gzip data that end early or are changed are refused") {
    const Scratch scratch;
    const std::string whole = compressed(scratch, noise(300'000));
    for (const std::size_t missing : {std::size_t{1}, std::size_t{8}, whole.size() / 2, whole.size() - 3})
        CHECK(contains(complaint([&] { read_back(scratch, whole.substr(0, whole.size() - missing)); }),
                       "truncated, the end of the gzip stream is missing"));
    for (const std::size_t place : {whole.size() / 2, whole.size() - 6, whole.size() - 2}) {
        std::string changed = whole;
        changed[place] = static_cast<char>(changed[place] + 1);
        CHECK(contains(complaint([&] { read_back(scratch, changed); }), "damaged, its gzip data"));
    }
}
