#include "base/sha256.hpp"

#include <fstream>

#include "base/error.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dnsp;

TEST_CASE("SHA-256 equals the examples of FIPS 180-4") {
    const testing::TemporaryFolder folder;
    const auto digest = [&](const std::string& text) {
        std::ofstream(folder / "file", std::ios::binary) << text;
        return sha256_of(folder / "file");
    };
    CHECK(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(digest(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    CHECK_THROWS_AS(sha256_of(folder / "absent"), FileError);
    CHECK_THROWS_AS(sha256_of(folder / ""), FileError);
}
