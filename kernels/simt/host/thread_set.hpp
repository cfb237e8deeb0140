#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace dnsp::simt::host {

/// A set of threads of one block.
class ThreadSet {
  public:
    static constexpr int capacity = 1024;

    bool empty() const { return size_ == 0; }
    int size() const { return size_; }

    /// Sets it to {0, …, count − 1}.
    void fill(int count) {
        size_ = count;
        for (auto& word : words_) {
            word = count >= 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << count) - 1;
            count = count > 64 ? count - 64 : 0;
        }
    }
    /// Precondition: the thread is not in the set.
    void insert(int thread) {
        word_of(thread) |= bit_of(thread);
        ++size_;
    }
    /// Precondition: the thread is in the set.
    void erase(int thread) {
        word_of(thread) &= ~bit_of(thread);
        --size_;
    }

    // Precondition: the set is not empty.

    int first() const {
        std::size_t i = 0;
        while (words_[i] == 0) ++i;
        return static_cast<int>(i) * 64 + std::countr_zero(words_[i]);
    }
    int last() const {
        std::size_t i = words_.size() - 1;
        while (words_[i] == 0) --i;
        return static_cast<int>(i) * 64 + 63 - std::countl_zero(words_[i]);
    }
    /// The member with `rank` smaller members.
    int at(int rank) const {
        std::size_t i = 0;
        for (; rank >= std::popcount(words_[i]); ++i) rank -= std::popcount(words_[i]);
        std::uint64_t word = words_[i];
        for (; rank > 0; --rank) word &= word - 1;
        return static_cast<int>(i) * 64 + std::countr_zero(word);
    }

  private:
    std::uint64_t& word_of(int thread) { return words_[static_cast<std::size_t>(thread) / 64]; }
    static std::uint64_t bit_of(int thread) { return std::uint64_t(1) << thread % 64; }

    std::array<std::uint64_t, capacity / 64> words_{};
    int size_ = 0;
};

}  // namespace dnsp::simt::host
