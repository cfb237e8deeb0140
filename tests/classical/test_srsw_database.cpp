#include <cstring>
#include <fstream>

#include "base/error.hpp"
#include "models/classical/srsw_database.hpp"
#include "tests/classical/synthetic.hpp"
#include "tests/synthetic_head.hpp"

using namespace dnsp;
using namespace dnsp::classical;
using namespace dnsp::testing;

namespace {

SrswDatabase small_database() {
    SrswDatabase database;
    database.degradation = imaging::make_degradation("gaussian-corner", 3);
    database.degradation.sigma = 1.0 / 3;
    database.seed = 0xFFFFFFFFFFFFFFFFull;
    database.files = {"a.nii.gz", "b.nii"};
    database.low = PatchMatrix::Random(5, 9);
    database.high = PatchMatrix::Random(5, 81);
    return database;
}

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("a database is read as it was written") {
    const TemporaryFolder folder;
    const auto path = folder / "pairs.srsw";
    const SrswDatabase written = small_database();
    write_srsw_database(path, written);
    const SrswDatabase read = read_srsw_database(path);
    CHECK(describe(read.degradation) == describe(written.degradation));
    CHECK(read.degradation.sigma == 1.0 / 3);
    CHECK(read.patch == 3);
    CHECK(read.seed == written.seed);
    CHECK(read.files == written.files);
    CHECK(read.low == written.low);
    CHECK(read.high == written.high);

    const std::string bytes = bytes_of(path);
    CHECK(bytes.substr(0, 8) == "DNSPSRSW");
    std::uint32_t header = 0;
    std::memcpy(&header, bytes.data() + 12, 4);
    CHECK(bytes.size() == 16 + header + 4 * 5 * 90);
    float first = 0.0f;
    std::memcpy(&first, bytes.data() + 16 + header, 4);
    CHECK(first == written.low(0, 0));
}

TEST_CASE("damaged and foreign databases are refused") {
    const TemporaryFolder folder;
    const auto path = folder / "pairs.srsw";
    write_srsw_database(path, small_database());
    const std::string good = bytes_of(path);
    const auto refusal = [&](const std::string& bytes) {
        write_bytes(path, bytes);
        const std::string message = complaint([&] { read_srsw_database(path); });
        CHECK(contains(message, path.string() + ": "));
        return message;
    };
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string bytes = good;
        const auto at = bytes.find(from);
        REQUIRE(at != std::string::npos);
        REQUIRE(from.size() == to.size());
        return bytes.replace(at, from.size(), to);
    };
    CHECK(contains(complaint([&] { read_srsw_database(folder / "absent"); }), "absent: cannot be read"));
    CHECK(contains(complaint([&] { read_srsw_database(folder.path()); }), folder.path().string() + ": "));
    CHECK(contains(refusal(""), "not a database"));
    CHECK(contains(refusal("DNSPSRSW"), "not a database"));
    CHECK(contains(refusal(std::string(1000, 'x')), "not a database"));
    for (const std::size_t size : {std::size_t{16}, std::size_t{30}, good.size() - 1})
        CHECK(contains(refusal(good.substr(0, size)), "truncated"));
    CHECK(contains(refusal(good + "x"), "longer"));
    std::string version = good;
    version[8] = 2;
    CHECK(contains(refusal(version), "version 2"));
    CHECK(contains(refusal(with("\"pairs\":5", "\"pairs\":6")), "truncated"));
    CHECK(contains(refusal(with("\"pairs\":5", "\"pairs\":0")), "0 pairs"));
    CHECK(contains(refusal(with("\"patch\":3", "\"patch\":2")), "odd"));
    CHECK(contains(refusal(with("\"patch\":3", "\"patch\":5")), "truncated"));
    CHECK(contains(refusal(with("\"patch\":3", "\"batch\":3")), "patch"));
    CHECK(contains(refusal(with("\"scale\":\"3\"", "\"scale\":\"9\"")), "scale 9"));
    CHECK(contains(refusal(with("\"corner\"", "\"center\"")), "phase"));
    CHECK(contains(refusal(with("{", "[")), "invalid header"));
    std::string nan = good;
    std::memset(nan.data() + nan.size() - 4, 0xFF, 4);
    CHECK(contains(refusal(nan), "not finite"));
}

TEST_CASE("a database whose sizes do not fit together is not written") {
    const TemporaryFolder folder;
    SrswDatabase database = small_database();
    database.high = PatchMatrix::Random(4, 81);
    CHECK_THROWS_AS(write_srsw_database(folder / "pairs.srsw", database), Error);
    database.high = PatchMatrix::Random(5, 36);
    CHECK_THROWS_AS(write_srsw_database(folder / "pairs.srsw", database), Error);
    CHECK(std::filesystem::is_empty(folder.path()));
    CHECK(
        contains(complaint([&] { write_srsw_database(folder / "no/pairs.srsw", small_database()); }), "no/"));
}

TEST_CASE("a database is for one degradation") {
    const SrswDatabase database = small_database();
    CHECK_NOTHROW(require_degradation(database, database.degradation, "f"));
    auto other = database.degradation;
    other.sigma = 1.0;
    CHECK(contains(complaint([&] { require_degradation(database, other, "f"); }), "f: was made for sigma"));
}
