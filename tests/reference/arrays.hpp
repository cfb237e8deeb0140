#pragma once

// Helpers of numerical tests: seeded arrays, distances between arrays, guarded output buffers.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace dnsp::reference {

/// Uniform on [low, high); the same numbers with every standard library.
inline std::vector<double> uniform(std::int64_t count, std::uint64_t seed, double low = -1.0,
                                   double high = 1.0) {
    std::mt19937_64 random(seed);
    std::vector<double> out(static_cast<std::size_t>(count));
    for (double& value : out) value = low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
    return out;
}

/// Values rounded to T: a float64 reference can then use the inputs of a float32 result.
template <class T>
std::vector<T> cast(const std::vector<double>& values) {
    return std::vector<T>(values.begin(), values.end());
}
template <class T>
std::vector<double> widen(const std::vector<T>& values) {
    return std::vector<double>(values.begin(), values.end());
}

template <class T>
double norm(const std::vector<T>& a) {
    long double sum = 0;
    for (T value : a) sum += static_cast<long double>(value) * value;
    return std::sqrt(static_cast<double>(sum));
}

/// ‖a − b‖ / max(‖b‖, 1e-30); infinite when the sizes differ or a number is not finite.
template <class A, class B>
double relative_error(const std::vector<A>& a, const std::vector<B>& b) {
    if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
    std::vector<double> difference(a.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        difference[i] = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    const double error = norm(difference) / std::max(norm(b), 1e-30);
    return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

template <class A, class B>
double cosine(const std::vector<A>& a, const std::vector<B>& b) {
    double dot = 0;
    for (std::size_t i = 0; i < a.size(); ++i) dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return dot / std::max(norm(a) * norm(b), 1e-300);
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// An output buffer of NaN between two fences. It shows unwritten elements and writes out of bounds.
template <class T>
class GuardedBuffer {
  public:
    explicit GuardedBuffer(std::int64_t count)
        : memory_(static_cast<std::size_t>(count) + 2 * fence, std::numeric_limits<T>::quiet_NaN()) {
        std::fill_n(memory_.begin(), fence, sentinel);
        std::fill_n(memory_.end() - fence, fence, sentinel);
    }

    T* data() { return memory_.data() + fence; }
    std::vector<T> values() const { return {memory_.begin() + fence, memory_.end() - fence}; }
    bool fences_intact() const {
        const auto intact = [](T value) { return value == sentinel; };
        return std::all_of(memory_.begin(), memory_.begin() + fence, intact) &&
               std::all_of(memory_.end() - fence, memory_.end(), intact);
    }

  private:
    static constexpr std::ptrdiff_t fence = 64;
    static constexpr T sentinel = static_cast<T>(-12345.0);
    std::vector<T> memory_;
};

}  // namespace dnsp::reference
