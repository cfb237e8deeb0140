#include "kernels/elementwise.hpp"

#include "base/parallel.hpp"
#include "tests/kernels/devices.hpp"
#include "tests/reference/arrays.hpp"

using namespace dnsp;
using testing::Buffer;
using testing::On;

namespace {

// Around the lengths of vectors, of thread blocks and of blocks of a sum.
const std::vector<std::int64_t> counts{0, 1, 2, 7, 16, 33, 1025, 4097, 16385, 40001};

/// Offsets of the arrays from a 16-byte aligned address, in elements.
struct Offsets {
    std::int64_t a = 0, b = 0, output = 0;
};
const std::vector<Offsets> all_offsets{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {3, 2, 1}};

/// An array that starts `offset` elements into a buffer.
template <class T>
class Shifted {
  public:
    Shifted(On where, std::int64_t offset, const std::vector<T>& values)
        : buffer_(where, padded(offset, values)), offset_(offset) {}
    Shifted(On where, std::int64_t offset, std::int64_t count)
        : buffer_(where, offset + count), offset_(offset) {}
    T* data() { return buffer_.data() + offset_; }
    std::vector<T> values() const {
        const std::vector<T> all = buffer_.values();
        return {all.begin() + offset_, all.end()};
    }
    /// For an output: true if nothing around it was written.
    bool surroundings_intact() const {
        const std::vector<T> all = buffer_.values();
        return buffer_.fences_intact() &&
               std::all_of(all.begin(), all.begin() + offset_, [](T value) { return std::isnan(value); });
    }

  private:
    static std::vector<T> padded(std::int64_t offset, std::vector<T> values) {
        values.insert(values.begin(), static_cast<std::size_t>(offset), T(1000));
        return values;
    }
    Buffer<T> buffer_;
    std::int64_t offset_;
};

/// Runs a kernel into a guarded buffer and compares every element i with expected(i), within the rounding of
/// T.
template <class T, class Run, class Expected>
void compare(On where, std::int64_t count, std::int64_t offset, Run&& run, Expected&& expected) {
    Shifted<T> output(where, offset, count);
    run(output.data());
    CHECK(output.surroundings_intact());
    std::vector<double> wanted;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) wanted.push_back(expected(i));
    CHECK(reference::relative_error(output.values(), wanted) <= 4 * std::numeric_limits<T>::epsilon());
}

template <class T>
void check_arithmetic(On where, std::int64_t n, const Offsets& at) {
    INFO(n << " elements from " << at.a << ", " << at.b << " and " << at.output << " on");
    const auto va = reference::cast<T>(reference::uniform(n, 1)),
               vb = reference::cast<T>(reference::uniform(n, 2));
    const auto da = reference::widen(va), db = reference::widen(vb);
    Shifted<T> a(where, at.a, va), b(where, at.b, vb);
    const auto expect = [&](auto&& run, auto&& expected) { compare<T>(where, n, at.output, run, expected); };
    expect([&](T* out) { DNSP_KERNEL(where, fill, T)(n, T(0.75), out); }, [](auto) { return 0.75; });
    expect(
        [&](T* out) {
            DNSP_KERNEL(where, add, T)
            (n, a.data(), b.data(), out);
        },
        [&](auto i) { return da[i] + db[i]; });
    expect(
        [&](T* out) {
            DNSP_KERNEL(where, scale, T)
            (n, -0.375, a.data(), out);
        },
        [&](auto i) { return -0.375 * da[i]; });
    expect(
        [&](T* out) {
            DNSP_KERNEL(where, add_scaled, T)
            (n, a.data(), 0.125, b.data(), out);
        },
        [&](auto i) { return da[i] + 0.125 * db[i]; });
    expect(
        [&](T* out) {
            DNSP_KERNEL(where, relu_forward, T)
            (n, a.data(), out);
        },
        [&](auto i) { return std::max(da[i], 0.0); });
    expect(
        [&](T* out) {
            DNSP_KERNEL(where, relu_backward, T)
            (n, b.data(), a.data(), out);
        },
        [&](auto i) { return da[i] > 0 ? db[i] : 0.0; });
}

bool sum_agrees(const Buffer<double>& parts, double expected) {
    long double sum = 0;
    for (double part : parts.values()) sum += part;
    return parts.fences_intact() &&
           std::abs(static_cast<double>(sum) - expected) <= 1e-13 * std::abs(expected);
}

template <class T>
void check_sums(On where, std::int64_t n, const Offsets& at) {
    INFO(n << " elements from " << at.a << ", " << at.b << " and " << at.output << " on");
    const auto va = reference::cast<T>(reference::uniform(n, 1)),
               vb = reference::cast<T>(reference::uniform(n, 2));
    const auto da = reference::widen(va), db = reference::widen(vb);
    long double differences = 0;
    for (std::size_t i = 0; i < da.size(); ++i) differences += (da[i] - db[i]) * (da[i] - db[i]);
    Shifted<T> a(where, at.a, va), b(where, at.b, vb);
    Buffer<double> error(where, kernels::squared_error_parts(n));
    compare<T>(
        where, n, at.output,
        [&](T* gradient) {
            DNSP_KERNEL(where, squared_error, T)(n, a.data(), b.data(), gradient, error.data());
        },
        [&](auto i) { return da[i] - db[i]; });
    CHECK(sum_agrees(error, 0.5 * static_cast<double>(differences)));
}

template <class T>
void check_all(On where) {
    for (std::int64_t n : counts) {
        check_arithmetic<T>(where, n, {});
        check_sums<T>(where, n, {});
    }
    for (const Offsets& at : all_offsets) {
        check_arithmetic<T>(where, 1031, at);
        check_sums<T>(where, 1031, at);
    }
}

/// Longer than one grid: every thread owns two or three vectors.
void check_long_arrays(On where) {
    const std::int64_t n = (std::int64_t(2) << 20) + 4 * 300 + 3;
    INFO(n << " elements");
    check_sums<float>(where, n, {});
    const auto values = reference::cast<float>(reference::uniform(n, 1));
    Buffer<float> a(where, values), doubled(where, n);
    DNSP_KERNEL(where, add, float)(n, a.data(), a.data(), doubled.data());
    auto expected = values;
    for (float& value : expected) value *= 2;
    CHECK((doubled.values() == expected && doubled.fences_intact()));
}

/// 2²⁶ + 1023 is not a float32: neighbours are 8 apart there. One partial sum.
void check_sums_are_double(On where) {
    std::vector<float> values(1024, 1.0f), zeros(1024, 0.0f);
    values[0] = 8192.0f;
    Buffer<float> a(where, values), b(where, zeros), gradient(where, 1024);
    Buffer<double> error(where, 1);
    REQUIRE(kernels::squared_error_parts(1024) == 1);
    DNSP_KERNEL(where, squared_error, float)(1024, a.data(), b.data(), gradient.data(), error.data());
    CHECK(error.values()[0] == 0.5 * (67108864.0 + 1023.0));
}

void check_in_place(On where) {
    const std::vector<double> a = reference::uniform(1037, 1), b = reference::uniform(1037, 2);
    std::vector<double> expected = a;
    Buffer<double> out(where, a), other(where, b);
    DNSP_KERNEL(where, add, double)(1037, out.data(), other.data(), out.data());
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += b[i];
    CHECK(out.values() == expected);
    DNSP_KERNEL(where, scale, double)(1037, 0.5, out.data(), out.data());
    for (double& e : expected) e *= 0.5;
    CHECK(out.values() == expected);
    DNSP_KERNEL(where, relu_forward, double)(1037, out.data(), out.data());
    for (double& e : expected) e = std::max(e, 0.0);
    CHECK(out.values() == expected);
}

template <class T>
void check_relu_corners(On where) {
    Buffer<T> gradient(where, std::vector<T>{3, 3, 3}), forward(where, std::vector<T>{0, T(-0.0), 1});
    Buffer<T> out(where, 3), rectified(where, 3);
    DNSP_KERNEL(where, relu_backward, T)(3, gradient.data(), forward.data(), out.data());
    CHECK(out.values() == std::vector<T>{0, 0, 3});
    Buffer<T> divergent(where, std::vector<T>{std::numeric_limits<T>::quiet_NaN(), -1, 2});
    DNSP_KERNEL(where, relu_forward, T)(3, divergent.data(), rectified.data());
    const auto values = rectified.values();
    CHECK((std::isnan(values[0]) && values[1] == 0 && values[2] == 2));
}

}  // namespace

TEST_CASE("elementwise kernels agree with their formulas") {
    testing::on_device(check_all<float>);
    testing::on_device(check_all<double>);
}

TEST_CASE("elementwise kernels support arrays longer than a grid") {
    check_long_arrays(testing::device_under_test());
}

TEST_CASE("partial sums of squared_error have at most 1024 elements, unless there are 1024 of them") {
    for (const std::int64_t count : {1, 2, 1023, 1024, 1025, 2048, 2049, 1 << 20, (1 << 20) + 1, 1 << 24}) {
        INFO(count << " elements");
        const std::int64_t parts = kernels::squared_error_parts(count);
        CHECK((parts >= 1 && parts <= 1024));
        CHECK((parts == 1024 || count <= 1024 * parts));
        CHECK(1024 * (parts - 1) < count);
    }
    CHECK(kernels::squared_error_parts(0) == 1);
}

TEST_CASE("squared_error is accumulated in double") { testing::on_device(check_sums_are_double); }

TEST_CASE("elementwise kernels may write to one of their inputs") { testing::on_device(check_in_place); }

TEST_CASE("the derivative of the ReLU at zero is zero, and NaN stays NaN") {
    check_relu_corners<float>(testing::device_under_test());
    check_relu_corners<double>(testing::device_under_test());
}

TEST_CASE("there is at least one thread") { CHECK(thread_count() >= 1); }
