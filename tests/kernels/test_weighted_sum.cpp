#include "kernels/weighted_sum.hpp"

#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using kernels::WeightedScalars;
using testing::Buffer;
using testing::On;

namespace {

void check(On where, int count) {
    INFO(count << " scalars");
    const auto numbers = reference::uniform(64, 1), weights = reference::uniform(64, 2);
    Buffer<double> scattered(where, numbers), values(where, count), sum(where, 1);
    WeightedScalars scalars;
    std::vector<double> expected;
    long double total = 0;
    for (int i = 0; i < count; ++i) {
        const auto place = static_cast<std::size_t>(37 * i % 64), k = static_cast<std::size_t>(i);
        scalars.value[k] = scattered.data() + place;
        scalars.weight[k] = weights[k];
        expected.push_back(numbers[place]);
        total += static_cast<long double>(weights[k]) * numbers[place];
    }
    scalars.count = count;
    DNSP_PLAIN_KERNEL(where, weighted_sum)(scalars, values.data(), sum.data());
    CHECK(reference::same_bits(values.values(), expected));
    CHECK(std::abs(sum.values()[0] - static_cast<double>(total)) <= 1e-15 * count);
    CHECK((values.fences_intact() && sum.fences_intact()));
}

void check_all(On where) {
    for (int count : {0, 1, 5, WeightedScalars::most}) check(where, count);
}

}  // namespace

TEST_CASE("weighted_sum gathers scalars and adds them up") { check_all(On::cpu); }

TEST_CASE("weighted_sum gathers scalars and adds them up, cuda") {
    DNSP_REQUIRE_CUDA();
    testing::for_each_thread_order([] { check_all(On::cuda); });
}
