#pragma once

#include <filesystem>
#include <list>

namespace dnsp {

/// A hidden file that is being written, or a folder of temporary files: what a process that ends early must
/// not leave behind. The process knows it as long as the object lives.
class Unfinished {
  public:
    explicit Unfinished(const std::filesystem::path& path);
    ~Unfinished();
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;

  private:
    std::list<std::filesystem::path>::iterator entry_;
};

/// Removes everything that is unfinished, for a process that is about to end. No other thread can begin or
/// end something unfinished afterwards: it waits for ever.
void remove_unfinished() noexcept;

}  // namespace dnsp
