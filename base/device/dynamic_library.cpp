#include "base/device/dynamic_library.hpp"

#include <dlfcn.h>

#include <sstream>
#include <utility>

#include "base/error.hpp"

#if !defined(DNSP_CUDA_LIBRARY_DIRS)
#define DNSP_CUDA_LIBRARY_DIRS ""
#endif

namespace dnsp::simt {

DynamicLibrary::DynamicLibrary(std::string human_name, std::vector<std::string> sonames)
    : human_name_(std::move(human_name)), sonames_(std::move(sonames)) {}

void DynamicLibrary::open() {
    std::vector<std::string> paths;
    for (const std::string& soname : sonames_) {
        paths.push_back(soname);
        std::istringstream folders(DNSP_CUDA_LIBRARY_DIRS);
        for (std::string folder; std::getline(folders, folder, ':');)
            if (!folder.empty()) paths.push_back(folder + "/" + soname);
    }
    for (const std::string& path : paths) {
        handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle_) return;
        // Report the error of the preferred name, which says more than those of the alternatives.
        const char* error = dlerror();
        if (reason_.empty()) reason_ = human_name_ + " cannot be loaded (" + (error ? error : path) + ")";
    }
}

bool DynamicLibrary::available() {
    std::call_once(opened_, [this] { open(); });
    return handle_ != nullptr;
}

std::string DynamicLibrary::unavailable_reason() {
    available();
    return reason_;
}

void* DynamicLibrary::address(const char* name) {
    require(available(), "[cuda] " + reason_);
    void* found = dlsym(handle_, name);
    require(found != nullptr,
            "[cuda] " + human_name_ + " has an unsupported version: missing function " + name);
    return found;
}

}  // namespace dnsp::simt
