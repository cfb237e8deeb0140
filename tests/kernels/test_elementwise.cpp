#include "kernels/elementwise.hpp"

#include "kernels/concat.hpp"
#include "kernels/threads.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using reference::GuardedBuffer;
namespace cpu = kernels::cpu;

namespace {

// Around the lengths of vectors, of a block of a sum and of a parallel loop.
const std::vector<std::int64_t> counts{1, 7, 16, 33, 4095, 4097, 16385, 40001};

/// Runs a kernel into a guarded buffer and expects expected(i) at every element, to the rounding of T.
template <class T, class Run, class Expected>
void compare(std::int64_t count, Run&& run, Expected&& expected) {
    GuardedBuffer<T> output(count);
    run(output.data());
    CHECK(output.fences_intact());
    std::vector<double> wanted;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) wanted.push_back(expected(i));
    CHECK(reference::relative_error(output.values(), wanted) <= 4 * std::numeric_limits<T>::epsilon());
}

template <class T>
void check_arithmetic(std::int64_t n) {
    auto a = reference::cast<T>(reference::uniform(n, 1)), b = reference::cast<T>(reference::uniform(n, 2));
    a[0] = T(0.5);
    const auto da = reference::widen(a), db = reference::widen(b);
    compare<T>(
        n, [&](T* out) { cpu::fill<T>(n, T(0.75), out); }, [](auto) { return 0.75; });
    compare<T>(
        n, [&](T* out) { cpu::add<T>(n, a.data(), b.data(), out); }, [&](auto i) { return da[i] + db[i]; });
    compare<T>(
        n, [&](T* out) { cpu::scale<T>(n, -0.375, a.data(), out); }, [&](auto i) { return -0.375 * da[i]; });
    compare<T>(
        n, [&](T* out) { cpu::add_scaled<T>(n, a.data(), 0.125, b.data(), out); },
        [&](auto i) { return da[i] + 0.125 * db[i]; });
    compare<T>(
        n, [&](T* out) { cpu::relu_forward<T>(n, a.data(), out); },
        [&](auto i) { return std::max(da[i], 0.0); });
    compare<T>(
        n, [&](T* out) { cpu::relu_backward<T>(n, b.data(), a.data(), out); },
        [&](auto i) { return da[i] > 0 ? db[i] : 0.0; });
}

template <class T>
void check_sums(std::int64_t n) {
    const auto a = reference::cast<T>(reference::uniform(n, 1)),
               b = reference::cast<T>(reference::uniform(n, 2));
    const auto da = reference::widen(a), db = reference::widen(b);
    long double squares = 0, differences = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        squares += da[i] * da[i];
        differences += (da[i] - db[i]) * (da[i] - db[i]);
    }
    CHECK(std::abs(cpu::squared_norm<T>(n, a.data()) / static_cast<double>(squares) - 1) <= 1e-13);

    const double factor = 0.25;
    double value = 0;
    compare<T>(
        n, [&](T* gradient) { value = cpu::squared_error<T>(n, factor, a.data(), b.data(), gradient); },
        [&](auto i) { return factor * (da[i] - db[i]); });
    CHECK(std::abs(value / (0.5 * factor * static_cast<double>(differences)) - 1) <= 1e-13);
}

template <class T>
void check_concat(std::int64_t pixels, std::int64_t channels, std::int64_t wide, std::int64_t offset) {
    const auto part = reference::cast<T>(reference::uniform(pixels * channels, 1));
    const auto before = reference::cast<T>(reference::uniform(pixels * wide, 2));
    GuardedBuffer<T> whole(pixels * wide);
    std::copy(before.begin(), before.end(), whole.data());
    cpu::concat_write<T>(pixels, channels, wide, offset, part.data(), whole.data());
    CHECK(whole.fences_intact());
    auto expected = before;
    for (std::int64_t p = 0; p < pixels; ++p)
        for (std::int64_t c = 0; c < channels; ++c)
            expected[static_cast<std::size_t>(p * wide + offset + c)] =
                part[static_cast<std::size_t>(p * channels + c)];
    CHECK(whole.values() == expected);

    GuardedBuffer<T> back(pixels * channels);
    cpu::concat_read<T>(pixels, channels, wide, offset, expected.data(), back.data());
    CHECK(back.fences_intact());
    CHECK(back.values() == part);
}

}  // namespace

TEST_CASE("elementwise kernels agree with their formulas") {
    for (std::int64_t n : counts) {
        INFO(n << " elements");
        check_arithmetic<float>(n);
        check_arithmetic<double>(n);
    }
}

TEST_CASE("elementwise kernels may write to one of their inputs") {
    const auto a = reference::uniform(100, 1), b = reference::uniform(100, 2);
    std::vector<double> out = a, expected = a;
    cpu::add<double>(100, out.data(), b.data(), out.data());
    for (std::size_t i = 0; i < 100; ++i) expected[i] += b[i];
    CHECK(out == expected);
    cpu::scale<double>(100, 0.5, out.data(), out.data());
    for (double& e : expected) e *= 0.5;
    CHECK(out == expected);
    cpu::relu_forward<double>(100, out.data(), out.data());
    for (double& e : expected) e = std::max(e, 0.0);
    CHECK(out == expected);
}

TEST_CASE("the derivative of the ReLU at zero is zero") {
    const std::vector<double> gradient{3, 3, 3}, forward{0, -0.0, 1};
    std::vector<double> out(3, std::nan(""));
    cpu::relu_backward<double>(3, gradient.data(), forward.data(), out.data());
    CHECK(out == std::vector<double>{0, 0, 3});
}

TEST_CASE("squared_norm and squared_error are accumulated in double") {
    for (std::int64_t n : counts) {
        INFO(n << " elements");
        check_sums<float>(n);
        check_sums<double>(n);
    }
    // 1 + 2²⁴ ones: a float32 sum stops at 2²⁴.
    const std::vector<float> ones((1 << 24) + 1, 1.0f);
    CHECK(cpu::squared_norm<float>((1 << 24) + 1, ones.data()) == 16777217.0);
}

TEST_CASE("concat copies its channels and leaves the others alone") {
    for (const auto& [pixels, channels, wide, offset] :
         std::vector<std::array<std::int64_t, 4>>{{1, 1, 1, 0}, {1, 2, 5, 3}, {35, 3, 7, 0}, {35, 4, 7, 3}}) {
        check_concat<float>(pixels, channels, wide, offset);
        check_concat<double>(pixels, channels, wide, offset);
    }
}

TEST_CASE("there is at least one thread") { CHECK(cpu::thread_count() >= 1); }
