// What a JPEG file must hold so that its decoder stays inside of its tables. The files are made here, segment
// by segment.
#include "imaging/picture_integrity.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace dnsp::imaging;

namespace {

using Bytes = std::vector<int>;

Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

std::string damage(const Bytes& file) {
    std::vector<std::byte> bytes;
    for (const int byte : file) bytes.push_back(static_cast<std::byte>(byte));
    return picture_damage(bytes);
}

Bytes segment(int marker, const Bytes& content) {
    const int length = static_cast<int>(content.size()) + 2;
    return Bytes{0xff, marker, length >> 8, length & 0xff} + content;
}

/// A Huffman table: class and number, and how many codes there are of some lengths. `missing` symbols are
/// left out.
Bytes table(int number, const std::vector<std::pair<int, int>>& codes, int missing = 0) {
    Bytes content(17, 0);
    content[0] = number;
    int all = 0;
    for (const auto& [length, count] : codes) {
        content[static_cast<std::size_t>(length)] = count;
        all += count;
    }
    return content + Bytes(static_cast<std::size_t>(all - missing), 7);
}

const Bytes start{0xff, 0xd8}, end{0xff, 0xd9}, dc = table(0x00, {{2, 3}}), ac = table(0x10, {{3, 5}});
const Bytes tables = segment(0xc4, dc) + segment(0xc4, ac);

/// A start of scan: for each component the numbers of its tables; first and last coefficient.
Bytes scan(const Bytes& numbers, int first = 0, int last = 63) {
    Bytes content{static_cast<int>(numbers.size())};
    for (std::size_t i = 0; i < numbers.size(); ++i)
        content = content + Bytes{static_cast<int>(i) + 1, numbers[i]};
    return segment(0xda, content + Bytes{first, last, 0});
}

std::string damage_of_table(const Bytes& content) { return damage(start + segment(0xc4, content) + end); }

constexpr const char* impossible = "damaged JPEG, a Huffman table has too many codes";
constexpr const char* lacking = "damaged JPEG, a scan lacks a Huffman table";

}  // namespace

TEST_CASE("a Huffman table has as many codes of a length as its bits allow") {
    CHECK(damage_of_table(dc + ac) == "");
    CHECK(damage_of_table(table(0, {{1, 2}})) == "");
    CHECK(damage_of_table(table(0, {{1, 3}})) == impossible);
    CHECK(damage_of_table(table(0, {{1, 2}, {2, 1}})) == impossible);
    // One code of each length leaves two of 16 bits.
    std::vector<std::pair<int, int>> codes;
    for (int length = 1; length < 16; ++length) codes.emplace_back(length, 1);
    codes.emplace_back(16, 2);
    CHECK(damage_of_table(table(0, codes)) == "");
    codes.back().second = 3;
    CHECK(damage_of_table(table(0, codes)) == impossible);
    // At most 256 symbols.
    CHECK(damage_of_table(table(0, {{8, 254}, {9, 2}})) == "");
    CHECK(damage_of_table(table(0, {{8, 254}, {9, 3}})) == impossible);
}

TEST_CASE("a segment of Huffman tables holds all of their symbols") {
    CHECK(damage_of_table(table(0, {{2, 3}}, 1)) == impossible);
    CHECK(damage_of_table(dc + table(0x10, {{3, 5}}, 1)) == impossible);
    CHECK(damage_of_table(Bytes(17, 0)) == "");  // a table without codes
    CHECK(damage_of_table(Bytes(16, 0)) == impossible);
    CHECK(damage_of_table({}) == "");
}

TEST_CASE("a scan uses the Huffman tables that were defined") {
    const auto of = [&](const Bytes& defined, const Bytes& used) {
        return damage(start + defined + used + end);
    };
    CHECK(of(tables, scan({0x00})) == "");
    CHECK(of(segment(0xc4, dc + ac), scan({0x00})) == "");
    CHECK(of(tables, scan({0x00, 0x00, 0x00})) == "");
    for (const int number : {0x01, 0x10, 0x30}) {
        CHECK(of(tables, scan({number})) == lacking);
        CHECK(of(tables, scan({0x00, number})) == lacking);
        CHECK(of(tables, scan({number, 0x00})) == lacking);
    }
    const Bytes others = segment(0xc4, table(0x01, {{2, 3}}) + table(0x12, {{3, 5}}));
    CHECK(of(tables + others, scan({0x00, 0x12, 0x02, 0x10})) == "");
    CHECK(of(others, scan({0x12})) == "");
    CHECK(of(others, scan({0x00})) == lacking);
    // A scan that is sequential needs both tables.
    CHECK(of(segment(0xc4, dc), scan({0x00})) == lacking);
    CHECK(of(segment(0xc4, ac), scan({0x00})) == lacking);
    CHECK(of(tables, segment(0xda, {})) == lacking);
    CHECK(of(tables, segment(0xda, {1, 1, 0, 0, 63})) == lacking);     // a byte is missing
    CHECK(of(tables, segment(0xda, {2, 1, 0, 0, 63, 0})) == lacking);  // a component is missing
}

TEST_CASE("a progressive scan needs the tables of its coefficients") {
    const auto of = [&](const Bytes& defined, const Bytes& used) {
        return damage(start + segment(0xc2, {8, 0, 1, 0, 1, 1}) + segment(0xc4, defined) + used + end);
    };
    CHECK(of(dc, scan({0x00}, 0, 0)) == "");
    CHECK(of(ac, scan({0x00}, 1, 63)) == "");
    CHECK(of(ac, scan({0x00}, 1, 1)) == "");
    CHECK(of(dc + ac, scan({0x00}, 0, 63)) == "");
    CHECK(of(ac, scan({0x00}, 0, 0)) == lacking);
    CHECK(of(dc, scan({0x00}, 1, 63)) == lacking);
    CHECK(of(dc, scan({0x00}, 0, 63)) == lacking);
    CHECK(of(ac, scan({0x00}, 0, 63)) == lacking);
}

TEST_CASE("entropy-coded data hold stuffed zeros, restarts and fill bytes, and end at another marker") {
    const Bytes whole = start + tables + scan({0x00});
    for (const Bytes& data : {Bytes{}, Bytes{1, 2, 3}, Bytes{0xff, 0x00, 0xd9},
                              Bytes{0xff, 0xd0, 0xff, 0xd7, 9}, Bytes{0xff, 0xff}, Bytes{0x00, 0xd9}}) {
        CHECK(damage(whole + data + end) == "");
        CHECK(damage(whole + data) == "truncated JPEG");
        CHECK(damage(whole + data + Bytes{0xff}) == "truncated JPEG");
        // Another scan, preceded by a table.
        CHECK(damage(whole + data + segment(0xc4, table(0x01, {{1, 1}})) + scan({0x10}) + data + end) == "");
        CHECK(damage(whole + data + scan({0x10}) + data + end) == lacking);
    }
}

TEST_CASE("segments have a marker and a length that counts itself") {
    CHECK(damage(start + segment(0xfe, {}) + end) == "");  // an empty comment
    CHECK(damage(start + Bytes{0xff, 0xff} + segment(0xfe, {1}) + end) == "");
    CHECK(damage(start + end + Bytes{1, 2, 3}) == "");  // what follows does not matter
    CHECK(damage(start + Bytes{0x01} + end) == "damaged JPEG");
    for (const int length : {0, 1})
        CHECK(damage(start + Bytes{0xff, 0xfe, 0, length} + end) == "damaged JPEG");
    CHECK(damage(start + Bytes{0xff, 0xfe, 0, 4, 1}) == "truncated JPEG");
    CHECK(damage(start + Bytes{0xff, 0xfe, 1, 2, 1} + end) == "truncated JPEG");  // 258 bytes
    CHECK(damage(start + Bytes{0xff, 0xfe, 0}) == "truncated JPEG");
    CHECK(damage(start) == "truncated JPEG");
    CHECK(damage({0xff}) == "neither a PNG nor a JPEG file");
    CHECK(damage({0xff, 0xd9}) == "neither a PNG nor a JPEG file");
    CHECK(damage({}) == "neither a PNG nor a JPEG file");
    CHECK(damage({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}) == "truncated PNG");
    CHECK(damage({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a}) == "neither a PNG nor a JPEG file");
}
