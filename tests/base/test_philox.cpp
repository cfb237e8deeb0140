#include "base/philox.hpp"

#include <set>

#include "tests/catch.hpp"
#include "tests/reference/philox.hpp"

using namespace dnsp;
using Words = std::array<std::uint32_t, 4>;

namespace {

template <class Generator>
void check_known_answers(Generator philox) {
    const auto words = [&](Words counter, std::array<std::uint32_t, 2> key) { return philox(counter, key); };
    CHECK(words({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    constexpr std::uint32_t ones = 0xffffffff;
    CHECK(words({ones, ones, ones, ones}, {ones, ones}) ==
          Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(words({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

}  // namespace

TEST_CASE("philox4x32-10 gives the known answers of Random123") {
    check_known_answers(philox4x32);
    check_known_answers(
        dnsp::reference::PhiloxWords{});  // the reference for the random choices of the devices
}

TEST_CASE("a Philox number depends on all 64 bits of seed, stream and index") {
    const auto first = [](std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
        return Philox{seed, stream}.block(index);
    };
    constexpr std::uint64_t high = 1ull << 40;
    const std::set<Words> different{first(1, 1, 1),       first(2, 1, 1),        first(1, 2, 1),
                                    first(1, 1, 2),       first(1 + high, 1, 1), first(1, 1 + high, 1),
                                    first(1, 1, 1 + high)};
    CHECK(different.size() == 7);
    CHECK(Philox{1, 1}.word(6) == Philox{1, 1}.block(1)[2]);
}

TEST_CASE("Philox's uniform numbers have the moments of U(0, 1) and are exact in float32") {
    const Philox random{42, 7};
    constexpr int n = 200000;
    double mean = 0, square = 0, lag = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const double u = random.uniform(i);
        REQUIRE((u > 0 && u < 1));
        mean += u / n;
        square += (u - 0.5) * (u - 0.5) / n;
        lag += (u - 0.5) * (random.uniform(i + 1) - 0.5) / n;
    }
    // The bounds are five standard errors.
    CHECK(std::abs(mean - 0.5) < 5 * std::sqrt(1.0 / 12 / n));
    CHECK(std::abs(square - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / n));
    CHECK(std::abs(lag) < 5 * (1.0 / 12) / std::sqrt(n));
    for (std::uint64_t i = 0; i < 1000; ++i)
        CHECK(static_cast<double>(static_cast<float>(random.uniform(i))) == random.uniform(i));
}

TEST_CASE("Philox's normal numbers have the moments of N(0, 1)") {
    const Philox random{42, 8};
    constexpr int n = 200000;
    double moments[5] = {};
    double pairs = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const double z = random.normal(i);
        for (int k = 1; k <= 4; ++k) moments[k] += std::pow(z, k) / n;
        if (i % 2 == 0) pairs += z * random.normal(i + 1) / (n / 2);
    }
    CHECK(std::abs(moments[1]) < 5 * std::sqrt(1.0 / n));
    CHECK(std::abs(moments[2] - 1) < 5 * std::sqrt(2.0 / n));
    CHECK(std::abs(moments[3]) < 5 * std::sqrt(15.0 / n));
    CHECK(std::abs(moments[4] - 3) < 5 * std::sqrt(96.0 / n));
    CHECK(std::abs(pairs) < 5 * std::sqrt(2.0 / n));
}

TEST_CASE("Philox integers are uniformly distributed below their bound") {
    const Philox random{3, 9};
    constexpr int n = 60000;
    int counts[6] = {};
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::uint32_t k = random.below(i, 6);
        REQUIRE(k < 6);
        ++counts[k];
    }
    for (int count : counts) CHECK(std::abs(count - n / 6) < 5 * std::sqrt(n * 5.0 / 36));
}
