#pragma once

#include <mutex>
#include <string>
#include <vector>

namespace dnsp::simt {

/// A library that is opened when it is first asked for something, so that programs start on machines without
/// it. Thread-safe; never closed.
class DynamicLibrary {
  public:
    /// `human_name` as in a sentence: "cuBLAS". The sonames are tried in their order, each first where the
    /// dynamic linker looks and then in the folders of the compile definition DNSP_CUDA_LIBRARY_DIRS,
    /// separated by colons.
    DynamicLibrary(std::string human_name, std::vector<std::string> sonames);

    bool available();

    /// Why available() is false, as half a sentence: "cuBLAS cannot be loaded (libcublas.so.13: cannot open
    /// …)".
    std::string unavailable_reason();

    /// F is a function type, best taken from the library's own header by decltype. Throws dnsp::Error with
    /// the reason when the library is not available or has no such function.
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
