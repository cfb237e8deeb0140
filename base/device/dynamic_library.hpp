#pragma once

#include <mutex>
#include <string>
#include <vector>

namespace dnsp::simt {

/// A shared library that is loaded on first use, so that programs start on machines without it. Thread-safe.
/// Never unloaded.
class DynamicLibrary {
  public:
    /// `human_name` is the name in messages, such as "cuBLAS". The sonames are tried in order. Each is
    /// searched for in the dynamic linker's path, then in the folders of the compile definition
    /// DNSP_CUDA_LIBRARY_DIRS (colon-separated).
    DynamicLibrary(std::string human_name, std::vector<std::string> sonames);

    bool available();

    /// The reason if available() is false: "cuBLAS cannot be loaded (libcublas.so.13: cannot open …)".
    std::string unavailable_reason();

    /// Returns a function of the library. F is its function type, best taken from the library's header by
    /// decltype. Throws Error if the library is unavailable or has no such function.
    template <class F>
    F* function(const char* name) {
        return reinterpret_cast<F*>(address(name));
    }

  private:
    void open();
    void* address(const char* name);

    std::string human_name_;
    std::vector<std::string> sonames_;
    std::once_flag opened_;
    void* handle_ = nullptr;
    std::string reason_;
};

}  // namespace dnsp::simt
