// The memory of captured graphs.
#include "engine/graph.hpp"

#include <optional>

#include "engine/kernel_for.hpp"
#include "kernels/elementwise.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

constexpr std::int64_t count = 1000;

Tensor values(double value) {
    const Tensor out = Tensor::empty({count}, DType::float64, test_device());
    out.fill(value);
    return out;
}

/// sum += 3 + input, using two temporaries that lie in the same memory.
void accumulate(const Tensor& sum, const Tensor& input) {
    {
        const Tensor three = values(3.0);
        DNSP_KERNEL_FOR(test_device(), add<double>)
        (count, sum.data<double>(), three.data<double>(), sum.data<double>());
    }
    const Tensor copy = Tensor::empty_like(input);
    copy.copy_from(input);
    DNSP_KERNEL_FOR(test_device(), add<double>)
    (count, sum.data<double>(), copy.data<double>(), sum.data<double>());
}

bool all(const Tensor& tensor, double value) {
    return tensor.to_vector<double>() == std::vector<double>(count, value);
}

}  // namespace

TEST_CASE("a graph keeps its memory while it exists, and needs no more memory than the uncaptured work") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    Tensor sum = values(0.0), input = values(10.0);
    accumulate(sum, input);
    const auto before = arena_statistics(test_device());
    std::optional<Graph> graph(std::in_place, [&] { accumulate(sum, input); });
    const auto after = arena_statistics(test_device());
    CHECK(after.system_allocations == before.system_allocations);
    CHECK(after.bytes_held == before.bytes_held);
    CHECK(after.bytes_in_use == before.bytes_in_use);
    CHECK(all(sum, 13.0));

    // Tensors allocated between the launches do not share memory with the graph.
    std::vector<Tensor> others;
    for (int i = 0; i < 8; ++i) others.push_back(values(-1e6));
    graph->launch();
    input.fill(20.0);
    graph->launch();
    CHECK(all(sum, 13.0 + 13.0 + 23.0));
    for (const Tensor& other : others) CHECK(all(other, -1e6));

    // The release of cached memory does not release the memory of the graph.
    release_cached_memory(test_device());
    graph->launch();
    CHECK(all(sum, 13.0 + 13.0 + 23.0 + 23.0));

    const std::size_t in_use = arena_statistics(test_device()).bytes_in_use;
    graph.reset();
    CHECK(arena_statistics(test_device()).bytes_in_use == in_use);
    const std::size_t allocations = arena_statistics(test_device()).system_allocations;
    accumulate(sum, input);
    CHECK(arena_statistics(test_device()).system_allocations == allocations);
}

TEST_CASE("memory that captured work frees is reused neither by the graph nor by other tensors") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    Tensor sum = values(0.0), spare = values(0.0);
    accumulate(sum, values(1.0));
    std::optional<Tensor> input = values(10.0);
    spare = Tensor();
    Graph recorded([&] {
        DNSP_KERNEL_FOR(test_device(), add<double>)
        (count, sum.data<double>(), input->data<double>(), sum.data<double>());
        input.reset();
        const Tensor one = values(1.0);
        DNSP_KERNEL_FOR(test_device(), add<double>)
        (count, sum.data<double>(), one.data<double>(), sum.data<double>());
    });
    const Tensor other = values(-1e6);
    recorded.launch();
    recorded.launch();
    CHECK(all(sum, 4.0 + 11.0 + 11.0));
}

TEST_CASE("a capture that needs additional memory is refused and leaves the arena unchanged") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    Tensor sum = values(0.0), input = values(10.0);
    accumulate(sum, input);
    const auto before = arena_statistics(test_device());
    CHECK_THROWS_AS(Graph([&] {
                        accumulate(sum, input);
                        Tensor::empty({123456}, DType::float64, test_device());
                    }),
                    CaptureError);
    CHECK_THROWS_AS(Graph([&] { accumulate(sum, values(sum.to_vector<double>()[0])); }), CaptureError);
    CHECK_THROWS_AS(Graph([&] {
                        accumulate(sum, input);
                        throw Error("[conv2d] cuDNN: not while a graph is recorded");
                    }),
                    CaptureError);
    const auto after = arena_statistics(test_device());
    CHECK(after.bytes_in_use == before.bytes_in_use);
    CHECK(after.bytes_held == before.bytes_held);
    CHECK(all(sum, 13.0));
    accumulate(sum, input);
    CHECK(arena_statistics(test_device()).system_allocations == before.system_allocations);
    Graph graph([&] { accumulate(sum, input); });
    graph.launch();
    CHECK(all(sum, 39.0));
}

TEST_CASE("the blocks of a graph do not count as available memory") {
    if (test_device().kind == DeviceKind::cpu) DNSP_SKIP("the device under test is the CPU");
    constexpr std::int64_t large = 3 << 20;
    const auto work = [] { Tensor::empty({large}, DType::float64, test_device()); };
    work();
    // With this limit, only cached blocks are available: what other programs allocate does not count.
    set_memory_limit(test_device(), arena_statistics(test_device()).bytes_held);
    const std::size_t before = available_memory(test_device());
    CHECK(before >= large * sizeof(double));
    {
        const Graph graph(work);
        CHECK(available_memory(test_device()) <= before - large * sizeof(double));
    }
    CHECK(available_memory(test_device()) == before);
    set_memory_limit(test_device(), static_cast<std::size_t>(-1));
}
